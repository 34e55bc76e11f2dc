"""The any-point model: what is the air at this place, now and next.

An LSTM reads each station's last day; messages pass between stations and on to the places asked for, along edges that
know distance, direction and wind; a decoder corrects the base forecast at each lead. It has no notion of which station
or city it sees. Training only: serving runs the exported graph.
"""

import torch
from torch import Tensor, nn

from brise.models.samples import AHEAD_FEATURES, CHANNELS, EDGE_FEATURES, STATE_FEATURES, WHEN_FEATURES

TARGET_COUNT = 4
HEADS = 4
OUTPUTS = 4
"""Per pollutant: shift of the mean, of the median, and how far the outer quantiles lie from it."""


class Messages(nn.Module):
    """Attention over the stations around a place; the edge's first layer is split by node and edge."""

    def __init__(self, width: int) -> None:
        """Make the layers."""
        super().__init__()
        self.node = nn.Linear(width, width)
        self.edge = nn.Linear(EDGE_FEATURES, width)
        self.score = nn.Linear(width, HEADS)
        self.out = nn.Linear(width, width)

    def forward(self, stations: Tensor, near: Tensor, edges: Tensor) -> Tensor:
        """Stations (B, S, D), near (P, K), edges (B, P, K, E) -> (B, P, D)."""
        told = nn.functional.gelu(self.node(stations)[:, near] + self.edge(edges))
        score = self.score(told) - 30.0 * (1.0 - edges[..., 3:4])
        share = torch.softmax(score, dim=2).unsqueeze(-1)
        heads = told.reshape(*told.shape[:-1], HEADS, -1)
        out: Tensor = self.out((heads * share).sum(dim=2).flatten(-2))
        return out


class AnyPoint(nn.Module):
    """See the module's docstring."""

    def __init__(self, width: int = 64, hidden: int = 96, dropout: float = 0.1) -> None:
        """Make the layers; the last starts at zero, so that an untrained model is the base."""
        super().__init__()
        self.recurrent = nn.LSTM(CHANNELS, width, batch_first=True)
        self.slow = nn.Sequential(
            nn.LayerNorm(STATE_FEATURES),
            nn.Dropout(dropout),
            nn.Linear(STATE_FEATURES, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
        )
        self.join = nn.Linear(width + hidden, width)
        self.between = Messages(width)
        self.onward = Messages(width)
        self.place = nn.Linear(2 * width + 1, hidden)
        self.ahead = nn.Linear(TARGET_COUNT * AHEAD_FEATURES + WHEN_FEATURES, hidden)
        self.decode = nn.Sequential(nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, hidden), nn.GELU())
        self.last = nn.Linear(hidden, TARGET_COUNT * OUTPUTS)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def stations(self, series: Tensor, state: Tensor) -> Tensor:
        """(B, S, D) from series (B, S, T, V) and state (B, S, F)."""
        batch, count = series.shape[0], series.shape[1]
        _, (last, _) = self.recurrent(series.flatten(0, 1))
        joined = torch.cat([last[0].reshape(batch, count, -1), self.slow(state)], dim=-1)
        return nn.functional.gelu(self.join(joined))

    def forward(self, *inputs: Tensor) -> Tensor:
        """(B, L, P, C, 4) shifts in standard errors of the base, from the inputs in the order of `samples.INPUTS`."""
        series, state, station_near, station_edges, own, near, edges, ahead, when = inputs
        nodes = self.stations(series, state)
        nodes = nodes + self.between(nodes, station_near, station_edges)
        monitored = (own >= 0).to(nodes.dtype)[None, :, None].expand(nodes.shape[0], -1, 1)
        itself = nodes[:, own.clamp(min=0)] * monitored
        place = self.place(torch.cat([itself, self.onward(nodes, near, edges), monitored], dim=-1))
        told = torch.cat([ahead.flatten(-2), when.unsqueeze(2).expand(-1, -1, ahead.shape[2], -1)], dim=-1)
        shifts: Tensor = self.last(self.decode(place.unsqueeze(1) + self.ahead(told)))
        return shifts.reshape(*shifts.shape[:-1], TARGET_COUNT, OUTPUTS)
