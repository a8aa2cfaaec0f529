"""Which Debian and Ubuntu package brings a shared library, and the command that installs it."""

import platform
import shutil
from collections.abc import Iterable

# What Qt's bindings and its X11 plugin load. Newer releases provide the names without `t64` too.
PACKAGE_OF = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libGLX.so.0": "libgl1",
    "libOpenGL.so.0": "libopengl0",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libX11.so.6": "libx11-6",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
    "libwayland-egl.so.1": "libwayland-egl1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxcb.so.1": "libxcb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxkbcommon.so.0": "libxkbcommon0",
}


def is_debian() -> bool:
    """Whether packages come through apt here."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return False
    family = {release.get("ID", ""), *release.get("ID_LIKE", "").split()}
    return bool(family & {"debian", "ubuntu"}) and shutil.which("apt-get") is not None


def install(package: str, *, on_debian: bool) -> str:
    """The step that installs `package`."""
    return f"sudo apt-get install {package}" if on_debian else f"Install {package} from your system's packages"


def how_to_install(libraries: Iterable[str], *, on_debian: bool) -> str:
    """The exact step that brings these shared libraries."""
    wanted = sorted(set(libraries))
    packages = sorted({PACKAGE_OF[name] for name in wanted if name in PACKAGE_OF})
    unknown = [name for name in wanted if name not in PACKAGE_OF]
    if not on_debian or not packages:
        return f"Install the packages of your system that bring {', '.join(wanted)}"
    also = f", and the packages that bring {', '.join(unknown)}" if unknown else ""
    return f"sudo apt-get install {' '.join(packages)}{also}"
