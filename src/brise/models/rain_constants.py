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
        law: (M, 3) a, b, c of the chances: logit P(rate >= r) = a + b h(value) - c h(r), h(x) = ln(log1p(x) + 0.02).
    """

    leads: NDArray[np.float64]
    weights: NDArray[np.float64]
    law: NDArray[np.float64]

    def at(self, leads: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weights (L, 2, LEVELS + 2) and law (L, 3) at these leads."""
        share = mix(leads, self.leads)
        return np.einsum("lm,mfs->lfs", share, self.weights), share @ self.law


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
                [0.3206, 0.8801, -0.4235, 0.4028, -0.3265, 0.1745, -0.023],
                [-0.3155, 0.8973, 2.9313, 1.0749, -0.0402, -1.9099, -2.2239],
            ],
            [
                [-0.1027, 0.8265, -0.1118, 0.2288, 0.1198, 0.0538, -0.0315],
                [-0.2699, 1.3272, 0.3709, 4.6546, 6.7638, -0.748, -2.9432],
            ],
            [
                [-0.0674, 0.017, 0.3297, 0.4294, -0.7374, 0.9406, 0.0361],
                [0.2429, -1.3341, 3.4296, 0.8133, 8.6748, 19.6173, -5.655],
            ],
            [
                [0.0962, 0.0071, -0.305, 0.7149, -0.8907, 0.9549, 0.4124],
                [-1.1124, 2.2812, -2.774, 4.2187, -5.4192, 21.1213, 19.3097],
            ],
        ]
    ),
    law=np.array(
        [[-0.2718, 4.5224, 4.6778], [-0.4505, 2.4796, 2.3887], [-0.6239, 1.6824, 1.5629], [-0.6254, 1.631, 1.3211]]
    ),
)
