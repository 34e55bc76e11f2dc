"""How a wildfire burns and spreads: fuels, surface and crown fire, its front."""
