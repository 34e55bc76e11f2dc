"""Radar files of our own making, in the exact layouts; `python radar_payloads.py FOLDER` writes some to look at.

Rain here is `pattern`: a few blobs, the same on every projection because it is a function of latitude and longitude.
"""

import io
import struct
import sys
from pathlib import Path

import h5py
import numpy as np
import pyproj
from PIL import Image, TiffImagePlugin

OPERA = "+proj=laea +lat_0=55.0 +lon_0=10.0 +x_0=1950000.0 +y_0=-2100000.0 +units=m +ellps=WGS84"
KNMI = "+proj=stere +lat_0=90 +lon_0=0.0 +lat_ts=60.0 +a=6378.137 +b=6356.752 +x_0=0 +y_0=0"


def pattern(latitude, longitude):
    """Rain in mm/h, smooth, 0 to about 20, at places around 52 north 5 east."""
    wave = np.sin((latitude - 52) * 9) + np.cos((longitude - 5) * 6)
    return np.where(wave > 0, 5 * wave**2, 0.0)


def laea_raster(rows=60, columns=80, size=2000.0, projection=OPERA, middle=(52.0, 5.0)):
    """Left, top and centres' latitude and longitude of a projected raster around a place."""
    proj = pyproj.Proj(projection)
    x, y = proj(middle[1], middle[0])
    left, top = x - columns * size / 2, y + rows * size / 2
    xs, ys = np.meshgrid(left + (np.arange(columns) + 0.5) * size, top - (np.arange(rows) + 0.5) * size)
    longitude, latitude = proj(xs, ys, inverse=True)
    return left, top, latitude, longitude


def odim(
    quantity="RATE", packed=None, where=None, what=None, object_="COMP", rows=60, columns=80, size=2000.0, **options
):
    """An ODIM_H5/V2_3 composite; `packed` replaces the pixels, `where` and `what` attributes (None removes one)."""
    left, top, latitude, longitude = laea_raster(rows, columns, size)
    proj = pyproj.Proj(OPERA)
    gain, offset, nodata, undetect = (0.01, 0.0, 65535, 65534) if quantity != "DBZH" else (0.5, -32.0, 255, 0)
    if packed is None:
        rain = pattern(latitude, longitude)
        if quantity == "DBZH":
            with np.errstate(divide="ignore"):
                dbz = 10 * np.log10(200 * rain**1.6)
            packed = np.where(rain > 0.05, np.clip(np.round((dbz - offset) / gain), 1, 254), 0).astype(np.uint8)
        else:
            amount = rain / 12 if quantity == "ACRR" else rain
            packed = np.where(rain > 0.05, np.round(amount / gain), undetect).astype(np.uint16)
        packed[:5, :7] = nodata
    corners = {}
    for name, (x, y) in {
        "LL": (left, top - rows * size),
        "UL": (left, top),
        "UR": (left + columns * size, top),
        "LR": (left + columns * size, top - rows * size),
    }.items():
        corners[f"{name}_lon"], corners[f"{name}_lat"] = proj(x, y, inverse=True)
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["Conventions"] = np.bytes_("ODIM_H5/V2_3")
        _attributes(file, "what", object=object_, version="H5rad 2.3", date="20260301", time="120500", source="ORG:247")
        place = {"projdef": OPERA, "xsize": columns, "ysize": rows, "xscale": size, "yscale": size} | corners
        _attributes(file, "where", **{k: v for k, v in (place | (where or {})).items() if v is not None})
        of_set = {
            "product": "SURF",
            "startdate": "20260301",
            "starttime": "120000",
            "enddate": "20260301",
            "endtime": "120500",
        }
        _attributes(file, "dataset1/what", **of_set)
        scale = {
            "quantity": quantity,
            "gain": gain,
            "offset": offset,
            "nodata": float(nodata),
            "undetect": float(undetect),
        }
        _attributes(file, "dataset1/data1/what", **{k: v for k, v in (scale | (what or {})).items() if v is not None})
        file.create_dataset("dataset1/data1/data", data=packed, **(options or {"compression": "gzip"}))
    return buffer.getvalue()


def _attributes(file, path, **values):
    group = file.require_group(path)
    for name, value in values.items():
        group.attrs[name] = np.bytes_(value) if isinstance(value, str) else value


def knmi(kind="rain", formula=None, attributes=None):
    """A composite in KNMI's layout: 5-minute sums in 0.01 mm ("rain") or reflectivity ("dbz")."""
    rows, columns = 70, 60
    proj = pyproj.Proj(KNMI)
    x, y = proj(5.0, 52.0)
    column_offset, row_offset = np.floor(x - columns / 2), np.floor(-(y + rows / 2)) + 0.25
    xs, ys = np.meshgrid(column_offset + np.arange(columns) + 0.5, -row_offset - np.arange(rows) - 0.5)
    longitude, latitude = proj(xs, ys, inverse=True)
    rain = pattern(latitude, longitude)
    if kind == "rain":
        packed = np.round(rain / 12 / 0.01).astype(np.uint16)
        parameter, formula_of, unknown = "PRECIP_[MM]", "GEO=0.010000*PV+0.000000", 65535
    else:
        dbz = 10 * np.log10(200 * np.maximum(rain, 1e-3) ** 1.6)
        packed = np.where(rain > 0.05, np.round((dbz + 32) / 0.5), 0).astype(np.uint8)
        parameter, formula_of, unknown = "REFLECTIVITY_[DBZ]", "GEO = 0.500000 * PV + -32.000000", 255
    packed[:4] = unknown
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        times = {
            "product_datetime_start": "01-MAR-2026;12:00:00.000",
            "product_datetime_end": "01-MAR-2026;12:05:00.000",
        }
        _attributes(file, "overview", product_group_name="RAD_NL25_RAC_MFBS_EM_5min", **times)
        place = {
            "geo_number_rows": np.array([rows], np.int32),
            "geo_number_columns": np.array([columns], np.int32),
            "geo_column_offset": np.array([column_offset], np.float32),
            "geo_row_offset": np.array([row_offset], np.float32),
            "geo_pixel_size_x": np.array([1.0], np.float32),
            "geo_pixel_size_y": np.array([-1.0], np.float32),
            "geo_dim_pixel": "KM,KM",
            "geo_pixel_def": "LU",
        }
        _attributes(file, "geographic", **(place | (attributes or {})))
        _attributes(file, "geographic/map_projection", projection_proj4_params=KNMI)
        _attributes(file, "image1", image_geo_parameter=parameter)
        calibration = {
            "calibration_formulas": formula or formula_of,
            "calibration_missing_data": np.array([unknown], np.int32),
            "calibration_out_of_image": np.array([unknown], np.int32),
        }
        _attributes(file, "image1/calibration", **calibration)
        file.create_dataset("image1/image_data", data=packed, compression="gzip")
    return buffer.getvalue(), latitude, longitude, np.where(packed == unknown, np.nan, rain)


def _section(number, body):
    return struct.pack(">IB", len(body) + 5, number) + body


def _sign(value, bits):
    return value if value >= 0 else (1 << (bits - 1)) | -value


def mrms(values, north=52.295, west=250.005, reference=-30.0, decimal=1, binary=0, bits=16, **changes):
    """A GRIB2 message of PrecipRate as MRMS writes it; `changes` spoil it."""
    rows, columns = values.shape
    say = {
        "when": (2026, 3, 1, 12, 4, 0),
        "discipline": 209,
        "parameter": (6, 1),
        "scanning": 0,
        "packing": 41,
        "bitmap": 255,
    } | changes
    image = io.BytesIO()
    if not say.get("constant"):
        packed = np.round((values * 10**decimal - reference) / 2**binary).astype(np.uint16 if bits == 16 else np.uint8)
        Image.fromarray(packed).save(image, "PNG")
    step = 10_000
    first = [_sign(round(north * 1e6), 32), round(west * 1e6)]
    last = [_sign(round(north * 1e6) - step * (rows - 1), 32), round(west * 1e6) + step * (columns - 1)]
    sections = [
        _section(1, struct.pack(">HHBBBHBBBBBBB", 161, 0, 255, 1, 3, *say["when"], 0, 7)),
        _section(
            3,
            struct.pack(">BIBBH", 0, say.get("count", rows * columns), 0, 0, 0)
            + struct.pack(">BBIBIBI", 0, 0, 6_371_200, 0, 0, 0, 0)
            + struct.pack(">IIII", say.get("columns", columns), say.get("rows", rows), 0, 0)
            + struct.pack(">IIBIIIIB", *first, 0x30, *last, step, step, say["scanning"]),
        ),
        _section(
            4, struct.pack(">HHBBBBBHBBIBBIBBI", 0, 0, *say["parameter"], 8, 0, 97, 0, 0, 0, 0, 102, 0, 0, 255, 0, 0)
        ),
        _section(
            5,
            struct.pack(">IHf", say.get("count", rows * columns), say["packing"], reference)
            + struct.pack(">HHBB", _sign(binary, 16), _sign(decimal, 16), 0 if say.get("constant") else bits, 0),
        ),
        _section(6, bytes([say["bitmap"]])),
        _section(7, b"" if say.get("constant") else say.get("spoil", bytes)(image.getvalue())),
    ]
    body = b"".join(part for part in sections if part[4] not in say.get("without", ())) + b"7777"
    return b"GRIB" + struct.pack(">HBBQ", 0, say["discipline"], 2, 16 + len(body)) + body


def geotiff(pixels, left, top, size, code=3067, when="2026:03:01 12:05:00", nodata=None, point=False, **changes):
    """A GeoTIFF of one band; `code` 4326 is geographic, others projected; `changes` go to Pillow."""
    kind, key = (2, 2048) if code == 4326 else (1, 3072)
    shift = 0.5 * size if point else 0.0
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, type_, value in (
        (33550, 12, (size, size, 0.0)),
        (33922, 12, (0.0, 0.0, 0.0, left + shift, top - shift, 0.0)),
        (34735, 3, (1, 1, 0, 3, 1024, 0, 1, kind, 1025, 0, 1, 2 if point else 1, key, 0, 1, code)),
        (42113, 2, nodata),
        (306, 2, when),
    ):
        if value is not None:
            tags.tagtype[tag] = type_
            tags[tag] = value
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "TIFF", tiffinfo=tags, **({"compression": "tiff_adobe_deflate"} | changes))
    return buffer.getvalue()


def npz(rate, /, minutes=5, north=52.5, west=4.0, **changes):
    """The archive layout; `rate` (T, Y, X) uint16."""
    start = np.datetime64("2026-03-01T12:00:00")
    arrays = {
        "rate": rate,
        "times": np.array([str(start + np.timedelta64(minutes * i, "m")) for i in range(len(rate))]),
        "lats": (north - 0.01 * np.arange(rate.shape[1])).astype(np.float32),
        "lons": (west + 0.01 * np.arange(rate.shape[2])).astype(np.float32),
        "step": np.int64(minutes),
        "src": np.array("made for tests"),
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{k: v for k, v in (arrays | changes).items() if v is not None})
    return buffer.getvalue()


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    (folder / "odim_rate.h5").write_bytes(odim())
    (folder / "knmi_rain.h5").write_bytes(knmi()[0])
