"""Every product, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from brise.products import air_quality, personal_exposure, rain_nowcast


@dataclass(frozen=True, slots=True)
class Product:
    """One thing we publish.

    Attributes:
        name: In paths and in provenance.
        title: For people.
        compute: A pure function of its inputs.
    """

    name: str
    title: str
    compute: Callable[..., Any]


PRODUCTS: dict[str, Product] = {
    product.name: product
    for product in (
        Product("air_quality", "Live map and forecast of air quality", air_quality.compute),
        Product("personal_exposure", "What the wearer of a tracker breathed", personal_exposure.compute),
        Product(rain_nowcast.PRODUCT, "Rain in the next two hours", rain_nowcast.compute),
    )
}
