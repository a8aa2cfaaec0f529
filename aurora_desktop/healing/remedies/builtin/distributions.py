"""From the name that a program imports to the name that it is published under, where the two differ."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}(?:\.[A-Za-z_][A-Za-z0-9_]{0,63}){0,9}")

# Of the packages that people meet most; what is not here is published under the name that is imported.
DISTRIBUTIONS = {
    "attr": "attrs", "bs4": "beautifulsoup4", "Crypto": "pycryptodome", "Cryptodome": "pycryptodomex",
    "cv2": "opencv-python", "dateutil": "python-dateutil", "discord": "discord.py", "distutils": "setuptools",
    "docx": "python-docx", "dotenv": "python-dotenv", "engineio": "python-engineio", "fitz": "PyMuPDF",
    "flask_cors": "Flask-Cors", "flask_sqlalchemy": "Flask-SQLAlchemy", "git": "GitPython", "github": "PyGithub",
    "google.auth": "google-auth", "google.cloud.storage": "google-cloud-storage",
    "google.generativeai": "google-generativeai", "google.protobuf": "protobuf",
    "googleapiclient": "google-api-python-client", "grpc": "grpcio", "igraph": "python-igraph", "jose": "python-jose",
    "jwt": "PyJWT", "ldap": "python-ldap", "magic": "python-magic", "memcache": "python-memcached",
    "mpl_toolkits": "matplotlib", "multipart": "python-multipart", "MySQLdb": "mysqlclient", "nacl": "PyNaCl",
    "OpenSSL": "pyOpenSSL", "osgeo": "GDAL", "PIL": "pillow", "pkg_resources": "setuptools", "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary", "pythoncom": "pywin32", "rest_framework": "djangorestframework",
    "serial": "pyserial", "skimage": "scikit-image", "sklearn": "scikit-learn", "slugify": "python-slugify",
    "socketio": "python-socketio", "sqlalchemy": "SQLAlchemy", "telegram": "python-telegram-bot", "usb": "pyusb",
    "win32api": "pywin32", "win32con": "pywin32", "win32gui": "pywin32", "wx": "wxPython", "Xlib": "python-xlib",
    "yaml": "PyYAML", "zmq": "pyzmq",
}  # fmt: skip

# Shared by many distributions: the top name alone does not say which.
_NAMESPACES = frozenset({"google", "azure", "zope", "backports", "ruamel", "jaraco", "sphinxcontrib"})
_OF_PYTHON_NOW = sys.stdlib_module_names - {"distutils"}
_REQUIREMENT = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9._-]{0,99})(?:\[[A-Za-z0-9,._-]{1,60}\])?\s*((?:[=~<>!]=?=?\s*[A-Za-z0-9.*+]{1,40},?\s*)*)"
)
_SEARCH_DEPTH = 3
_MOST_FOLDERS = 500
_NOT_SOURCE = frozenset({"node_modules", "__pycache__", "site-packages", "dist", "build", "venv"})


def is_module(name: str) -> bool:
    """Whether this may be the dotted name of a module at all; nothing else gets near a command."""
    return _MODULE.fullmatch(name) is not None


def is_of_python(module: str) -> bool:
    """Whether it belongs to Python itself, so that no package brings it."""
    return module.split(".")[0] in _OF_PYTHON_NOW


def distribution_of(module: str) -> str | None:
    """The name to install for a module, or None where the name does not say (a namespace of many)."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        if found := DISTRIBUTIONS.get(".".join(parts[:length])):
            return found
    if parts[0] in _NAMESPACES:
        return None
    return parts[0]


def local_copy(module: str, folder: Path) -> Path | None:
    """The service's own file or package of this name, up to three folders deep: then nothing is to be installed."""
    top = module.split(".")[0]
    for parent in _folders(folder):
        for candidate in (parent / f"{top}.py", parent / top / "__init__.py"):
            if candidate.is_file():
                return candidate
        if any((parent / top).glob("*.py")):
            return parent / top
    return None


def _folders(folder: Path) -> Iterator[Path]:
    ahead, seen = [(folder, 0)], 0
    while ahead and seen < _MOST_FOLDERS:
        current, depth = ahead.pop(0)
        seen += 1
        yield current
        if depth < _SEARCH_DEPTH:
            ahead += [(path, depth + 1) for path in _below(current)]


def _below(folder: Path) -> list[Path]:
    try:
        return [
            path
            for path in sorted(folder.iterdir())
            if path.is_dir() and not path.is_symlink() and _may_be_source(path)
        ]
    except OSError:
        return []


def _may_be_source(path: Path) -> bool:
    return not path.name.startswith(".") and path.name not in _NOT_SOURCE and not (path / "pyvenv.cfg").exists()


def required_version(distribution: str, folder: Path) -> str | None:
    """The requirement as the service's `requirements.txt` has it (`PyYAML==6.0.1`); None when it does not name it."""
    try:
        lines = (folder / "requirements.txt").read_text(encoding="utf-8", errors="replace")[:100_000].splitlines()
    except OSError:
        return None
    for line in lines:
        match = _REQUIREMENT.fullmatch(line.partition("#")[0].partition(";")[0].strip())
        if match is not None and _same(match[1], distribution):
            return match[1] + match[2].replace(" ", "")
    return None


def _same(one: str, other: str) -> bool:
    """Whether two names are one to the index (PEP 503)."""
    return re.sub(r"[-_.]+", "-", one).lower() == re.sub(r"[-_.]+", "-", other).lower()
