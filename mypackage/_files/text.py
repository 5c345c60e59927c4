"""Text files as decompressed UTF-8 bytes, whatever their encoding."""

from __future__ import annotations

import codecs
import contextlib
import importlib
import os
import sys
import zlib
from collections.abc import Iterator
from typing import Any

from mypackage._extras import require

from . import pieces
from .pieces import STDIN, Source, UsageError, at

# Byte order marks of encodings with two or four bytes a character, the longer ones first.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def _gzip(raw: Any) -> tuple[Any, type[Exception]]:
    gzip = importlib.import_module("gzip")
    return gzip.GzipFile(fileobj=raw, mode="rb"), zlib.error


def _zstd(raw: Any) -> tuple[Any, type[Exception]]:
    try:
        library = importlib.import_module("compression.zstd")
    except ImportError:
        library = require("backports.zstd")
    return library.ZstdFile(raw, "rb"), library.ZstdError


# By suffix, how to open a compressed file, and the exceptions for a damaged one.
COMPRESSIONS = {"gz": _gzip, "zst": _zstd}


def check_encoding(name: str) -> str:
    """Return the name if it is that of a text encoding.

    Raises
    ------
    UsageError
        If it is not.
    """
    try:
        "".encode(name)
    except LookupError as error:
        raise UsageError(f"--encoding {name}: {error}") from None
    return name


@contextlib.contextmanager
def opened(source: Source, encoding: str | None, offset: int) -> Iterator[Text]:
    """Open a file's text at an offset; encoding None means a byte order mark's, or UTF-8."""
    with contextlib.ExitStack() as stack:
        if str(source.path) == STDIN:
            if sys.stdin is None:
                raise OSError("standard input is closed")
            raw: Any = sys.stdin.buffer
        else:
            raw = stack.enter_context(source.path.open("rb"))
        size = os.fstat(raw.fileno()).st_size if source.regular else 0
        file = raw
        if source.compression:
            opener, damage = COMPRESSIONS[source.compression](raw)
            file = stack.enter_context(opener)
            stack.enter_context(at("its compressed stream", damage, EOFError))
        yield Text(raw, file, size, encoding, offset)


class Text:
    """The unread rest of a text.

    Attributes
    ----------
    encoding : str
        The encoding that was given or found.
    offset : int
        How many bytes have been read, counted in UTF-8.
    """

    def __init__(self, raw: Any, file: Any, size: int, encoding: str | None, offset: int) -> None:
        self._raw, self._file, self._size = raw, file, size
        self._lines = _Lines()
        self.offset = offset
        seek = offset > 0 and size > 0 and file is raw and encoding is not None
        seek = seek and _is_utf8(encoding or "")
        if seek:
            file.seek(offset)
        first = b"" if seek else file.read(4)
        if encoding is None:
            marks = (name for mark, name in _MARKS.items() if first.startswith(mark))
            encoding = next(marks, "utf-8")
        self.encoding = encoding
        self._decoder: Any = None
        if not _is_utf8(encoding):
            self._decoder = codecs.getincrementaldecoder(encoding)()
        elif not offset and first.startswith(codecs.BOM_UTF8):
            first = first[len(codecs.BOM_UTF8) :]
            self.offset = len(codecs.BOM_UTF8)
        self._parts = _without(self._read(first), 0 if seek else offset)

    @property
    def done(self) -> float:
        """The fraction of the file that has been read; 0 if the size is unknown."""
        return min(1.0, self._raw.tell() / self._size) if self._size else 0.0

    def read(self) -> bytes:
        """The next bytes; none at the end."""
        return next(self._parts, b"")

    def _read(self, first: bytes) -> Iterator[bytes]:
        fresh = self._decoder is not None
        while data := first or self._file.read(pieces.TEXT_BYTES):
            first = b""
            if self._decoder is not None:
                data = self._decoded(data, False)
            if fresh and data:
                fresh = False
                data = data.removeprefix(codecs.BOM_UTF8)
            if data:
                yield data
        if self._decoder is not None and (data := self._decoded(b"", True)):
            yield data

    def _decoded(self, data: bytes, final: bool) -> bytes:
        decoder: Any = self._decoder
        before = decoder.getstate()
        try:
            text = decoder.decode(data, final)
        except UnicodeDecodeError as error:
            decoder.setstate(before)
            valid = len(data) - len(error.object) + error.start
            self._lines.add(decoder.decode(data[: max(0, valid)]))
            raise ValueError(
                f"line {self._lines.count + 1} is not {self.encoding}: {error.reason}; "
                "--encoding names another encoding"
            ) from None
        self._lines.add(text)
        return bytes(text.encode())


def _without(parts: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Skip the first bytes of a text that comes in parts."""
    for part in parts:
        if size < len(part):
            yield part[size:]
        size = max(0, size - len(part))
    if size:
        raise ValueError("ends before the place that the checkpoint is of")


def _is_utf8(encoding: str) -> bool:
    return codecs.lookup(encoding).name in {"utf-8", "utf-8-sig"}


class _Lines:
    """Counts line breaks in a text that comes in parts."""

    def __init__(self) -> None:
        self.count = 0
        self._after_return = False

    def add(self, text: str) -> None:
        breaks = text.count("\n") + text.count("\r") - text.count("\r\n")
        if self._after_return and text.startswith("\n"):
            breaks -= 1
        self.count += breaks
        if text:
            self._after_return = text.endswith("\r")
