"""The laws of counters, as `python -m benchmarks.skill.sensor_calibration --fit` fits them.

Their scores at sensors, sites and months left out, and what they lack, are in docs/science/sensor-calibration.md.
"""

from brise.models.sensor_correction_fit import Family, Law, Learned, Spread

LAWS: dict[str, Family] = {
    "purpleair": Family(
        name="law of PurpleAir counters beside US monitors, 2021 to 2023",
        weather=Learned(
            law=Law(
                terms=("raw", "humidity", "temperature", "raw x humidity", "raw x temperature", "raw over 30"),
                constant=-1.81505,
                coefficients=(-0.0840042, 7.29774, 1.39011, -0.407028, -0.0574527, 0.114473),
                most=106.638,
                weather=(262.814, 314.509),
                smoke=True,
                effects={},
                middle=0.0,
            ),
            spread=Spread(floor=1.04685, share=0.0614478, low=-1.46242, high=1.54502),
        ),
        humidity=Learned(
            law=Law(
                terms=("raw", "humidity", "raw x humidity"),
                constant=-3.46612,
                coefficients=(-0.078372, 10.6657, -0.516106),
                most=106.638,
                weather=(293.15, 293.15),
                smoke=True,
                effects={},
                middle=0.0,
            ),
            spread=Spread(floor=1.52085, share=0.0179471, low=-1.51947, high=1.55151),
        ),
        alone=Learned(
            law=Law(
                terms=("raw",),
                constant=1.90759,
                coefficients=(-0.0977749,),
                most=106.638,
                weather=(293.15, 293.15),
                smoke=True,
                effects={},
                middle=0.0,
            ),
            spread=Spread(floor=1.34594, share=0.0449173, low=-1.51103, high=1.53613),
        ),
    ),
    "plantower": Family(
        name="law of laser counters beside monitors, US and India",
        weather=Learned(
            law=Law(
                terms=("raw", "humidity", "temperature"),
                constant=0.00144428,
                coefficients=(-0.0899982, 3.79328, 1.03345),
                most=1491.38,
                weather=(262.814, 314.509),
                smoke=False,
                effects={},
                middle=0.0,
            ),
            spread=Spread(floor=0.18822, share=0.283385, low=-0.919145, high=1.58103),
        ),
        humidity=Learned(
            law=Law(
                terms=("raw", "humidity"),
                constant=-1.03702,
                coefficients=(-0.103885, 6.35014),
                most=1491.38,
                weather=(293.15, 293.15),
                smoke=False,
                effects={},
                middle=0.0,
            ),
            spread=Spread(floor=0.186702, share=0.284913, low=-0.968437, high=1.71055),
        ),
        alone=Learned(
            law=Law(
                terms=("raw",),
                constant=2.01686,
                coefficients=(-0.0981875,),
                most=1491.38,
                weather=(293.15, 293.15),
                smoke=False,
                effects={},
                middle=0.0,
            ),
            spread=Spread(floor=0.189388, share=0.279585, low=-1.00618, high=1.63772),
        ),
    ),
}
