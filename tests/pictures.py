"""`make pictures`: the main job in the running program with the sample group, as pictures for the README and docs/."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser import ARGUMENTS, find_chromium

FOLDER = Path(__file__).parent.parent / "docs" / "pictures"
PORT = 8765
PASSWORD = "A password for pictures, 1"


def main():
    """Start the program in an empty place, take its pictures, and stop it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, _running(home) as links, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(ARGUMENTS))
        clerk = _signed_in(browser, links["wangfang"])
        _take(clerk, "/", "desk")
        _complaint(clerk)
        head = _signed_in(browser, links["chenjing"])
        _rectification(head)
        _take(head, "/measures/", "measures")
        admin = _signed_in(browser, links["admin"])
        _take(admin, "/plugins/", "matrix")
        phone = _signed_in(browser, links["liming"], width=360)
        _take(phone, "/", "desk-phone")
        browser.close()
    for picture in sorted(FOLDER.glob("*.png")):
        print(picture.relative_to(FOLDER.parent.parent))


class _running:
    """The program with its sample group, in a folder of its own; gives the one-time links by login."""

    def __init__(self, home):
        self.home = home

    def __enter__(self):
        program = Path(sys.executable).parent / "zhixing"
        environment = {**os.environ, "ZHIXING_HOME": self.home, "ZHIXING_DATABASE": "", "PYTHONUNBUFFERED": "1"}
        command = [program, "run", "--demo", "--port", str(PORT)]
        self.log = open(Path(self.home) / "log", "w+")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT, env=environment)
        for _ in range(600):
            told = Path(self.log.name).read_text(encoding="utf-8")
            if f":{PORT}(" in told or f":{PORT} (" in told:
                return dict(re.findall(r"^(\w+)\s+\S+\s+(http\S+/link/\S+)", told, re.M))
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise SystemExit(f"the program did not start:\n{told}")

    def __exit__(self, *error):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(20)
        self.log.close()


def _signed_in(browser, link, width=1280):
    context = browser.new_context(
        viewport={"width": width, "height": 860}, locale="zh-CN", base_url=f"http://127.0.0.1:{PORT}"
    )
    page = context.new_page()
    page.goto(link)
    page.click("form .btn-primary")
    for field in page.query_selector_all("input[type=password]"):
        field.fill(PASSWORD)
    page.click("main form .btn-primary")
    page.wait_for_url("**/")
    return page


def _take(page, path, name):
    if path:
        page.goto(path)
    page.wait_for_load_state()
    page.screenshot(path=str(FOLDER / f"{name}.png"))


def _complaint(page):
    page.goto("/records/complaint/new")
    page.fill("[name=content]", "车险理赔材料已交三周,仍无人告知进度,要求尽快答复。")
    page.check("text=没有找到,新建客户")
    page.fill("[name='customer.name']", "赵敏")
    page.fill("[name='customer.phone']", "13920001234")
    _take(page, None, "complaint-new")
    page.click("main form .btn-primary >> text=保存")
    page.wait_for_url(re.compile(r"/records/complaint/\d+$"))
    page.locator("details:has-text('怎么算的') > summary").first.click()
    _take(page, None, "complaint")


def _rectification(page):
    page.goto("/records/rectification_report/")
    page.locator("tr:has-text('待分析') a").first.click()
    _take(page, None, "rectification")


if __name__ == "__main__":
    main()
