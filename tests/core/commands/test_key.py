"""zhixing key: the keys of personal data from the command line."""


def test_the_keys_are_changed_from_the_command_line(zhixing, settings, at_home):
    [first] = zhixing("key", "list", "--json").rows
    assert (first["current"], first["dropped_at"]) == (True, None) and first["rows"] > 0
    answer = zhixing("key", "new")
    assert answer.status == 0 and str(settings.keys) in answer.out
    answer = zhixing("key", "drop", first["key"])
    assert (answer.status, "仍在使用" in answer.err) == (1, True), answer.err
    answer = zhixing("key", "reencrypt")
    done = first["rows"] + 1  # the entry of the new key in the trail was sealed by the one before
    assert answer.status == 0 and f"重新加密 {done} 行" in answer.out
    answer = zhixing("key", "drop", first["key"])
    assert (answer.status, "不足 1 小时" in answer.err) == (1, True), answer.err
    assert [row["rows"] > 0 for row in zhixing("key", "list", "--json").rows] == [False, True]
    assert zhixing("key", "new", "--as", "alice").status == 1
    assert zhixing("audit", "verify").status == 0
