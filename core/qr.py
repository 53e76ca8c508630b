"""QR codes (ISO/IEC 18004) as the path of an SVG: byte mode, error correction level L, up to 271 bytes."""

CHECKS = (7, 10, 15, 20, 26, 18, 20, 24, 30, 18)  # error correction bytes a block at level L, versions 1 to 10
BLOCKS = (1, 1, 1, 1, 1, 2, 2, 2, 2, 4)
ALIGNED = ((), (6, 18), (6, 22), (6, 26), (6, 30), (6, 34), (6, 22, 38), (6, 24, 42), (6, 26, 46), (6, 28, 50))
QUIET = 4  # light modules around it


def svg(text):
    """(side, path): the side of the square view box, and the dark modules as the `d` of one path."""
    modules = _modules(text.encode())
    dark = [(x, y) for y, row in enumerate(modules) for x, is_dark in enumerate(row) if is_dark]
    return len(modules) + 2 * QUIET, "".join(f"M{x + QUIET},{y + QUIET}h1v1h-1z" for x, y in dark)


def _modules(data):
    for version in range(1, 11):
        room = _bytes_in(version) - CHECKS[version - 1] * BLOCKS[version - 1]
        head = 4 + (8 if version < 10 else 16)
        if len(data) * 8 + head <= room * 8:
            stream = _with_checks(_padded(data, head - 4, room), version)
            return _drawn(stream, version)
    raise ValueError(f"{len(data)} bytes are too many for a QR code of ours")


def _bytes_in(version):
    """How many bytes a version holds, error correction included."""
    side, aligned = 4 * version + 17, len(ALIGNED[version - 1])
    taken = 3 * 64 + 31 + 2 * (side - 16)  # finders with their borders, format with the dark module, timing
    taken += 25 * (aligned * aligned - 3) - 10 * (aligned - 2) if aligned else 0
    taken += 36 if version >= 7 else 0
    return (side * side - taken) // 8


def _padded(data, length_bits, room):
    bits = f"0100{len(data):0{length_bits}b}" + "".join(f"{byte:08b}" for byte in data)
    bits += "0" * min(4, room * 8 - len(bits))
    bits += "0" * (-len(bits) % 8)
    found = [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]
    return found + [(0xEC, 0x11)[i % 2] for i in range(room - len(found))]


def _times(a, b):
    """The product in GF(256) modulo 0x11D."""
    product = 0
    for bit in range(7, -1, -1):
        product = (product << 1) ^ (product >> 7) * 0x11D
        product ^= (b >> bit & 1) * a
    return product


def _checks_of(block, count):
    """The Reed-Solomon remainder of a block."""
    divisor, root = [0] * (count - 1) + [1], 1
    for _ in range(count):
        for j in range(count):
            divisor[j] = _times(divisor[j], root) ^ (divisor[j + 1] if j + 1 < count else 0)
        root = _times(root, 2)
    rest = [0] * count
    for byte in block:
        factor = byte ^ rest[0]
        rest = [a ^ _times(d, factor) for a, d in zip([*rest[1:], 0], divisor, strict=True)]
    return rest


def _with_checks(data, version):
    """The blocks with their error correction, byte by byte in turns."""
    count, checks = BLOCKS[version - 1], CHECKS[version - 1]
    short, longer = divmod(len(data), count)
    blocks, start = [], 0
    for n in range(count):
        end = start + short + (n >= count - longer)
        blocks.append(data[start:end])
        start = end
    stream = [block[i] for i in range(short + 1) for block in blocks if i < len(block)]
    ends = [_checks_of(block, checks) for block in blocks]
    return stream + [end[i] for i in range(checks) for end in ends]


def _drawn(stream, version):
    """The square with the mask under which it is read most easily."""
    fixed = _fixed(version)
    side = 4 * version + 17
    bits = "".join(f"{byte:08b}" for byte in stream)
    drawn = {place: bit == "1" for place, bit in zip(_way(side, fixed), bits, strict=False)}
    candidates = []
    for number, mask in enumerate(MASKS):
        known = {**fixed, **_format(side, number)}
        square = [
            [known[x, y] if (x, y) in known else drawn.get((x, y), False) ^ (mask(x, y) == 0) for x in range(side)]
            for y in range(side)
        ]
        candidates.append((_penalty(square), number, square))
    return min(candidates)[2]


MASKS = (
    lambda x, y: (x + y) % 2,
    lambda x, y: y % 2,
    lambda x, y: x % 3,
    lambda x, y: (x + y) % 3,
    lambda x, y: (x // 3 + y // 2) % 2,
    lambda x, y: x * y % 2 + x * y % 3,
    lambda x, y: (x * y % 2 + x * y % 3) % 2,
    lambda x, y: ((x + y) % 2 + x * y % 3) % 2,
)


def _fixed(version):
    """What is the same whatever is written: finders, timing, alignment, version; the format's places are kept free."""
    side, found = 4 * version + 17, {}
    for i in range(side):
        found[6, i] = found[i, 6] = i % 2 == 0
    for cx, cy in ((3, 3), (side - 4, 3), (3, side - 4)):
        for x in range(max(0, cx - 4), min(side, cx + 5)):
            for y in range(max(0, cy - 4), min(side, cy + 5)):
                found[x, y] = max(abs(x - cx), abs(y - cy)) not in (2, 4)
    places = ALIGNED[version - 1]
    corners = {(6, 6), (6, places[-1]), (places[-1], 6)} if places else set()
    for cx, cy in ((x, y) for x in places for y in places if (x, y) not in corners):
        for dx in range(-2, 3):
            for dy in range(-2, 3):
                found[cx + dx, cy + dy] = max(abs(dx), abs(dy)) != 1
    if version >= 7:
        bits = version << 12 | _remainder(version, 12, 0x1F25)
        for i in range(18):
            a, b = side - 11 + i % 3, i // 3
            found[a, b] = found[b, a] = bool(bits >> i & 1)
    return {**found, **dict.fromkeys(_format(side, 0), False)}


def _format(side, mask):
    """The format (level L and the mask), twice, and the dark module."""
    data = 1 << 3 | mask
    bits = (data << 10 | _remainder(data, 10, 0x537)) ^ 0x5412
    first = [(8, i) for i in range(6)] + [(8, 7), (8, 8), (7, 8)] + [(14 - i, 8) for i in range(9, 15)]
    second = [(side - 1 - i, 8) for i in range(8)] + [(8, side - 15 + i) for i in range(8, 15)]
    found = {place: bool(bits >> i & 1) for places in (first, second) for i, place in enumerate(places)}
    return {**found, (8, side - 8): True}


def _remainder(data, length, polynomial):
    rest = data
    for _ in range(length):
        rest = (rest << 1) ^ (rest >> length - 1) * polynomial
    return rest


def _way(side, fixed):
    """The free places in the order in which bits are written: in pairs of columns from the right, up and down."""
    for pair, right in enumerate([*range(side - 1, 6, -2), *range(5, 0, -2)]):
        for y in range(side - 1, -1, -1) if pair % 2 == 0 else range(side):
            yield from ((x, y) for x in (right, right - 1) if (x, y) not in fixed)


def _penalty(square):
    """How hard a square is to read, by the four rules of the standard."""
    lines = ["".join("01"[cell] for cell in line) for line in [*square, *zip(*square, strict=True)]]
    side, found = len(square), 0
    for line in lines:
        runs = line.replace("01", "0 1").replace("10", "1 0").split()
        found += sum(len(run) - 2 for run in runs if len(run) >= 5)
        wide = f"0000{line}0000"
        found += 40 * sum(wide.startswith(("00001011101", "10111010000"), i) for i in range(len(wide)))
    for y in range(side - 1):
        for x in range(side - 1):
            found += 3 * (square[y][x] == square[y][x + 1] == square[y + 1][x] == square[y + 1][x + 1])
    dark = sum(map(sum, square))
    return found + 10 * int(abs(dark * 20 - side * side * 10) / (side * side))
