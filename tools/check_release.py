"""Stops a release whose tag is not its version, or whose name is someone else's.

``python tools/check_release.py v1.2.3 OWNER``, OWNER being the account that holds the repository.
"""

import configparser
import json
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

ROOT = Path(__file__).parents[1]


def fetch(url):
    """The JSON at this address; None if there is none."""
    request = Request(url, headers={"User-Agent": "release check"})
    try:
        with urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except HTTPError as error:
        if error.code == 404:
            return None
        raise


def problems(tag, owner, metadata, fetch=fetch):
    """What speaks against the release, a line each."""
    name, version = metadata["name"], metadata["version"]
    if tag != f"v{version}":
        yield f"the tag {tag} is not v{version}, the version in setup.cfg"
    project = fetch(f"https://pypi.org/pypi/{name}/json")
    if project is not None:
        author = project["info"]["author"]
        if author != metadata["author"]:
            yield f"{name} on PyPI is a project of {author or 'somebody else'}"
        elif version in project["releases"]:
            yield f"{name} {version} is on PyPI already"
    owners = fetch(f"https://crates.io/api/v1/crates/{name}/owners")
    if owners is not None:
        logins = [user["login"] for user in owners["users"]]
        # A team's login is "github:organisation:team".
        if not any(owner in (login, *login.split(":")[1:2]) for login in logins):
            yield f"{name} on crates.io is a crate of {', '.join(logins)}, not of {owner}"


def main(tag, owner):
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    found = list(problems(tag, owner, settings["metadata"]))
    if found:
        sys.exit("\n".join([*found, "RELEASING.md says what to do."]))


if __name__ == "__main__":
    main(*sys.argv[1:])
