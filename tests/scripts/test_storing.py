"""What storing costs: how it is asked for, and told."""

import orjson

from scripts.benchmark.storing import Turn, report, request


def test_the_two_requests_differ_in_nothing_else() -> None:
    plain, stored = (request(8080, store=store) for store in (False, True))
    heads = [asked.partition(b"\r\n\r\n") for asked in (plain, stored)]
    bodies = [orjson.loads(body) for _, _, body in heads]
    assert [body.pop("store") for body in bodies] == [False, True]
    assert bodies[0] == bodies[1]
    for head, _, body in heads:
        assert f"Content-Length: {len(body)}" in head.decode()


def test_medians_are_set_side_by_side() -> None:
    turns = {
        False: [Turn(100, 0, 1.0, 0.1), Turn(200, 0, 1.0, 0.4), Turn(400, 0, 1.0, 0.4)],
        True: [Turn(100, 1, 1.0, 0.2)],
    }
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in report(turns).splitlines()]
    assert lines[2] == ["responses/s", "200", "100", "0.50"]
    assert lines[3] == ["CPU per response, ms", "1.00", "2.00", "2.00"]
    assert lines[4][:3] == ["failed", "0", "1"]
