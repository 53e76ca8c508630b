"""What customers bring: complaints, from the first call to the result."""

from core.fields import Choice, Integer, LongText, Moment, Ref, SealedJson, SealedText, Text, YesNo
from core.language import Words
from core.organisation import Department
from core.people import Person
from core.records import Keep, Record, State, Transition, Workflow
from plugins.customers.models import Customer

CHANNELS = {
    "phone": "电话",
    "email": "邮件",
    "wechat": "微信",
    "counter": "门店",
    "online_message": "在线留言",
    "letter": "信函",
    "regulator": "监管转办",
    "other": "其他",
}
CAUSES = {
    "timeliness": "时效",
    "attitude": "态度",
    "expertise": "专业能力",
    "product": "产品",
    "claim_amount": "赔款金额",
    "other": "其他",
}
SERVICE = "customer_service"
INSURANCE_LAW = Words(
    "《保险法》第八十七条:业务资料保管不少于五年",
    "Insurance Law, art. 87: papers of the business are kept for five years",
)
OPEN = ("received", "accepted", "contacted", "handling", "resolved", "fed_back")


class Complaint(Record):
    """A customer's complaint, from its receipt to the result told to the customer."""

    channel = Choice("渠道", CHANNELS, default="phone")
    received_by = Ref("接收人", Person, null=True)
    customer = Ref("客户", Customer, null=True)
    contact_means = SealedText("联系方式", null=True, personal="就投诉与客户联系 / contact about the complaint")
    content = LongText("投诉内容", null=True)
    about_department = Ref("被投诉部门", Department, null=True)
    about_employee = Ref("被投诉员工", Person, null=True)
    class_ = Choice("类别", {"simple": "简单", "complex": "复杂"}, null=True, column_name="class")
    class_reason = Text("归类理由", null=True)
    cause = Choice("原因", CAUSES, null=True, clause="T5.1.3")
    accepted_at = Moment("受理时间", null=True)
    first_contact_at = Moment("首次联系时间", null=True)
    details = LongText("投诉详情", null=True)
    findings = LongText("调查情况", null=True)
    measure = LongText("处理措施", null=True)
    result = LongText("处理结果", null=True)
    result_told_at = Moment("反馈结果时间", null=True)
    satisfied = YesNo("客户是否满意", null=True)
    rounds = Integer("处理轮次", default=1, read_only=True)
    closed_at = Moment("结案时间", null=True)
    close_reason = LongText("未满意结案原因", null=True)
    void_as = Choice("作废原因", {"duplicate": "重复", "mistake": "误登"}, null=True)
    void_reason = Text("作废说明", null=True)
    source_row = SealedJson("来源数据", null=True)

    class Meta:
        label = "客户投诉"
        keep = Keep(5, INSURANCE_LAW, since="closed_at")  # the shorter period of the law; the reading is ours
        en = "Complaint"
        prefix = "TS"
        labels = {"happened_at": "接到时间"}
        list_fields = ("customer", "channel", "class", "cause", "department", "owner", "happened_at")
        search_fields = ("number", "content")
        workflow = Workflow(
            State("received", "已接收", initial=True),
            State("accepted", "已受理"),
            State("contacted", "已联系"),
            State("handling", "处理中"),
            State("resolved", "已处理"),
            State("fed_back", "已反馈", tone="green"),
            State("closed", "已结案", final=True),
            State("voided", "已作废", void=True),
            Transition("accept", "received", "accepted", "受理", by=SERVICE, stamps="accepted_at"),
            Transition(
                "contact_customer",
                "accepted",
                "contacted",
                "联系客户",
                by=SERVICE,
                asks=("details", "class", "class_reason"),
                stamps="first_contact_at",
            ),
            Transition(
                "classify_and_investigate",
                "contacted",
                "handling",
                "归类并调查",
                by=SERVICE,
                requires="class",
                asks="class_reason",
            ),
            Transition("give_progress", "handling", "handling", "告知进展", by=SERVICE),
            Transition(
                "record_findings_and_measure",
                "handling",
                "resolved",
                "记录调查与措施",
                by=SERVICE,
                requires=("findings", "measure", "result", "cause"),
            ),
            Transition("tell_result", "resolved", "fed_back", "反馈结果", by=SERVICE, stamps="result_told_at"),
            Transition("follow_up_dissatisfied", "fed_back", "handling", "回访不满意", by=SERVICE, counts="rounds"),
            Transition("follow_up_satisfied", "fed_back", "closed", "回访满意", by=SERVICE, stamps="closed_at"),
            Transition(
                "close_unsatisfied_with_reason",
                "fed_back",
                "closed",
                "未满意结案",
                by="department_head",
                requires="close_reason",
                stamps="closed_at",
            ),
            Transition(
                "void",
                OPEN,
                "voided",
                "作废",
                by=("owner", "department_head"),
                requires=("void_as", "void_reason"),
                danger=True,
            ),
        )
