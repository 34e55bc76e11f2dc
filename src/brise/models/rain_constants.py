"""The numbers of the classical rain nowcaster, as `python -m benchmarks.skill.rain_constants` fits them.

Chosen on five radar events weighing alike (Australia, Finland, the Netherlands, Switzerland twice); what each costs an
event that had no say in it is in docs/science/rain-motion.md.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVELS = 5
"""Of the pyramid: Gaussians of 2, 4, 8, 16 and 32 pixels."""


@dataclass(frozen=True, slots=True)
class Constants:
    """By lead, linear between the nodes and constant beyond. M nodes.

    Attributes:
        leads: (M,) minutes.
        weights: (M, 2, LEVELS + 2) of the newest frame and of its growth per minute: the pixel itself, its Gaussian
            means from fine to coarse, the mean of the field.
        law: (M, K, TERMS) of `rain_chances`.
    """

    leads: NDArray[np.float64]
    weights: NDArray[np.float64]
    law: NDArray[np.float64]

    def at(self, leads: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weights (L, 2, LEVELS + 2) and law (L, K, TERMS) at these leads."""
        share = mix(leads, self.leads)
        return np.einsum("lm,mfs->lfs", share, self.weights), np.einsum("lm,mkt->lkt", share, self.law)


def mix(leads: NDArray[np.float64], nodes: NDArray[np.float64]) -> NDArray[np.float64]:
    """(L, M) shares of the nodes in each lead.

    >>> mix(np.array([5.0, 15.0, 99.0]), np.array([5.0, 10.0, 20.0])).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0]]
    """
    return np.stack([np.interp(leads, nodes, row) for row in np.eye(len(nodes))], axis=1)


CONSTANTS = Constants(
    leads=np.array([5.0, 20.0, 60.0, 120.0]),
    weights=np.array(
        [
            [
                [0.3207, 0.8797, -0.4232, 0.4027, -0.3265, 0.1745, -0.023],
                [-0.3169, 0.9012, 2.9276, 1.0755, -0.0408, -1.91, -2.2218],
            ],
            [
                [-0.1027, 0.8263, -0.1116, 0.2287, 0.1199, 0.0538, -0.0315],
                [-0.2703, 1.328, 0.3723, 4.6485, 6.7633, -0.7496, -2.935],
            ],
            [
                [-0.0671, 0.0162, 0.3303, 0.4291, -0.7372, 0.9406, 0.0361],
                [0.2392, -1.3228, 3.4179, 0.8212, 8.66, 19.6175, -5.6529],
            ],
            [
                [0.0966, 0.0065, -0.3046, 0.7147, -0.8905, 0.9547, 0.4124],
                [-1.1159, 2.2911, -2.7862, 4.2226, -5.4037, 21.0962, 19.3265],
            ],
        ]
    ),
    law=np.array(
        [
            [
                [2.5533, 1.2224, 0.579, 0.2495, 0.0805],
                [1.3767, 3.7057, 0.4421, 0.0998, 0.081],
                [-3.9466, 6.8219, 0.4377, 0.2927, -0.1496],
                [-3.7516, 5.1977, 0.5427, 0.4465, -0.0083],
            ],
            [
                [1.2579, 0.7765, 0.1534, 0.4039, 0.1554],
                [0.6633, 2.0709, 0.0168, 0.422, -0.1185],
                [-1.3804, 3.7434, 0.0294, 0.1163, 0.4366],
                [-5.5687, 6.7402, 0.0181, -0.2068, 0.1858],
            ],
            [
                [0.8565, 0.5963, 0.0403, 0.0513, 0.5478],
                [0.4522, 1.84, 0.0198, 0.0233, -0.0361],
                [-1.4537, 2.5494, 0.061, -0.1436, 0.2534],
                [-3.0305, 3.0636, 0.0448, 0.148, -0.1083],
            ],
            [
                [0.8368, 0.7232, -0.0621, 0.0397, 0.4913],
                [0.5268, 2.1056, -0.1302, 0.1669, -0.1794],
                [-0.7073, 0.558, 0.2041, -0.6495, 1.1897],
                [-0.4965, 1.2884, 0.2383, -0.2542, 0.7595],
            ],
        ]
    ),
)
