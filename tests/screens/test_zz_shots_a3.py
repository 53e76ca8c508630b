import os
import pytest
from core import forms, limits, switches, outbox
from core.access import grant
from core.people import add_person
from core.testing import branch, console, work, local, record, actor as act
AT="2025-03-05 10:00"
PAGES=[("admin","/organisation/"),("admin","/organisation/TJ"),("admin","/people/"),("admin","/people/add"),("admin","/people/alice"),("admin","/plugins/"),("admin","/plugins/timeliness/TJ"),("admin","/questions/"),("admin","/questions/complaint?branch=TJ"),("admin","/limits/?branch=TJ"),("admin","/limits/timeliness.complaint_contact?branch=TJ"),("admin","/calendar/?year=2026&limit=3+business+days&from=2026-02-13T10:00"),("admin","/calendar/?year=2027&branch=TJ"),("admin","/clauses/?status=enforced"),("carol","/findings/"),("auditor","/audit/"),("carol","/measures/?by=person&period=2025-03"),("auditor","/measures/attainment_rate/rows?branch=TJ&period=2025-03"),("admin","/jobs/")]
def test_shots(live, settings):
    sizes=os.environ.get("SHOTS","1440:light:zh").split(",")
    only=os.environ.get("ONLY","")
    for i in range(12):
        record("complaint", act(("alice","amy")[i%2], "2025-03-03 1%d:00"%(i%3)), content="理赔太慢")
    work("2025-03-04 17:30:01")
    forms.publish(console(local(AT)),"complaint",None,[{"key":"receipt_no","kind":"text","label":{"zh":"回执号","en":"Receipt number"},"required":True}])
    forms.publish(console(local(AT)),"complaint",branch("TJ"),[{"key":"level","kind":"choice","label":{"zh":"影响程度","en":"Severity"},"required":True,"choices":[{"word":"low","zh":"低","en":"Low"},{"word":"high","zh":"高","en":"High"}]}])
    limits.set_limit(console(local(AT)),"timeliness.complaint_contact",branch("TJ"),"4 business hours",reason="客户期望更快")
    from core.outbox import Message
    Message.create(plugin="timeliness",kind="finding_opened",branch_id=branch("TJ").id,subject="x:1",payload={},made_at=local(AT),tries=5,error="ValueError: 示例错误")
    for spec in sizes:
        width,scheme,lang=spec.split(":")
        for login,path in PAGES:
            if only and only not in path: continue
            page=live(login,width=int(width),height=900,scheme=scheme,at=AT)
            page.goto("/people/" if False else path)
            if lang=="en":
                page.locator("details.menu summary").click(); page.get_by_role("button",name="English").click(); page.goto(path)
            name=path.strip("/").replace("/","_").replace("?","_").replace("&","_")[:50]
            page.screenshot(path=f"/tmp/shots3/{width}-{scheme}-{lang}-{name}.png",full_page=True)
            over=page.evaluate("document.documentElement.scrollWidth>document.documentElement.clientWidth")
            print(spec,path,"OVERFLOW" if over else "", page.complaints)
