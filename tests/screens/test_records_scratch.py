import json, re
from core.testing import work
from core import forms, access, people, records, comments
from core.testing import branch
from core.records import change, transition
QUESTIONS = [{"key": "policy_no", "kind": "text", "label": {"zh": "保单号", "en": "Policy number"}, "required": True},
 {"key": "lang", "kind": "choice", "label": {"zh": "语言", "en":"Language"}, "choices": [{"word": "zh", "zh": "中文"}, {"word": "en", "zh": "英语"}], "shown_if": "channel is phone"}]
def test_all(sign_in, record, actor, live, group):
    k = record("customer", actor("alice", "2025-03-03 09:00"), name="王小明", phone="13800001234")
    for i in range(6):
        c = record("complaint", actor("alice", "2025-03-0%d 10:00" % (3 if i < 3 else 5)), content="理赔太慢,报案后三周没有任何回复,客服电话打不通" , customer=k.id)
    work("2025-03-04 17:30:01")
    comments.add(actor("bob","2025-03-05 10:00"), c, "请尽快联系客户\n今天内")
    change(actor("bob","2025-03-05 10:10"), c, {"content":"改过的内容","about_department":"LP"})
    transition(actor("alice","2025-03-05 10:20"), c, "accept")
    access.grant(group.console(), people.person_by_login("admin"), "staff", group.branch("HQ"))
    for who, w, scheme, lang in (("bob", 1440, "light","zh"), ("alice", 360, "light","en"), ("bob",1440,"dark","en")):
        people.Person.update({"language":lang}).where(people.Person.login==who) if 0 else None
        from core.database import door
        with door(): people.Person.update(language=lang).where(people.Person.login==who).execute()
        p = live(who, width=w, scheme=scheme, at="2025-03-05 11:00")
        for n, path in {"list":"/records/complaint/?channel=phone","page":f"/records/complaint/{c.id}","edit":"/records/complaint/1/edit","wlist":"/records/warning/","warning":"/records/warning/1","empty":"/records/rectification_measure/"}.items():
            p.goto(path)
            if n == "page":
                p.click("#step-contact_customer > summary")
                for s in ("#hand-over","#correct"):
                    if p.query_selector(s): p.click(s+" > summary")
            p.screenshot(path=f"/tmp/shots/{n}-{w}-{scheme}-{lang}.png", full_page=True)
            wid = p.evaluate("document.documentElement.scrollWidth")
            if wid > w: print("WIDE", n, w, wid)
        p.goto("/records/complaint/1/edit")
        p.fill("[name=content]", f"我的版本 {who}")
        change(actor("amy","2025-03-05 11:00"), c.__class__.get_by_id(1), {"content":"艾米 %s%s" % (who,scheme),"channel":"email" if who=="bob" else "letter"})
        p.click(".form-foot .btn-primary"); p.wait_for_load_state()
        p.screenshot(path=f"/tmp/shots/conflict-{w}-{scheme}-{lang}.png", full_page=True)
        if w > 1000:
            p.goto("/records/complaint/")
            p.check("td.pick input >> nth=1"); p.select_option("#act","do:void"); p.click("#bulk button"); p.wait_for_load_state()
            p.screenshot(path=f"/tmp/shots/bulk-{w}-{scheme}-{lang}.png", full_page=True)
        print(p.complaints)
    p = live("admin", at="2025-03-05 11:00"); p.goto("/records/complaint/new"); p.screenshot(path="/tmp/shots/choose.png")
    p.goto("/records/complaint/"); p.screenshot(path="/tmp/shots/admin-list.png")
    assert 0
