"""Answers that are kept as a file."""

from urllib.parse import quote


def kept_as(response, name):
    """The response, to be kept as a file of this name. A header is Latin-1, so that other letters stand as RFC 6266 says."""
    plain = "".join(letter if letter.isascii() else "_" for letter in name)
    names = {"filename": plain} if plain == name else {"filename": plain, "filename*": f"UTF-8''{quote(name, safe='')}"}
    response.headers.set("Content-Disposition", "attachment", **names)
    return response
