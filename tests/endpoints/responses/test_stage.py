"""Items coming on and leaving."""

from qwenproxy.endpoints.responses.stage import Stage


def test_items_come_one_after_the_other_each_with_its_id() -> None:
    stage = Stage("ab")
    for index in range(2):
        item = {"id": stage.new_id("msg")}
        assert item == {"id": f"msg_ab0000000{index}"}
        stage.begin(item)
        stage.tell("x.delta", item_id=item["id"], delta="y")
        stage.done(item)
    assert [event["output_index"] for event in stage.drain()] == [0, 0, 0, 1, 1, 1]
    assert stage.drain() == []
    assert len(stage.output) == 2
