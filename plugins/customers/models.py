"""What is kept of a customer."""

from core.fields import Choice, IdentityNumber, LongText, Phone, Text
from core.records import Record, State, Transition, Workflow

SERVE = "为客户提供服务 / serving the customer"


class Customer(Record):
    """Somebody whom the group serves: a person or an organisation."""

    name = Text("姓名或名称", personal=SERVE)
    group = Choice(
        "客户群体",
        {"individual": "个人", "corporate": "企业", "agency": "代理渠道", "other": "其他"},
        default="individual",
    )
    phone = Phone("电话", null=True, personal=SERVE)
    email = Text("邮箱", null=True, personal=SERVE)
    wechat = Text("微信", null=True, personal=SERVE)
    preferred_channel = Choice(
        "首选联系方式",
        {"phone": "电话", "email": "邮件", "wechat": "微信", "post": "邮寄", "counter": "门店"},
        null=True,
    )
    identity_number = IdentityNumber("证件号码", null=True, personal="核实身份 / proof of identity")
    stage = Choice("阶段", {"prospect": "潜在客户", "customer": "客户", "former": "往来已终止"}, default="customer")
    address = Text("地址", null=True, personal=SERVE)
    postcode = Text("邮编", null=True, max_length=16, personal=SERVE)
    remark = LongText("备注", null=True)

    class Meta:
        label = "客户"
        prefix = "K"
        title_field = "name"
        labels = {"owner": "服务人员", "happened_at": "建档时间"}
        list_fields = ("name", "group", "phone", "stage", "owner")
        search_fields = ("number", "name", "phone")
        workflow = Workflow(
            State("active", "有效", initial=True, tone="green"),
            State("inactive", "停用"),
            Transition("deactivate", "active", "inactive", "停用", by="department_head", danger=True),
            Transition("reactivate", "inactive", "active", "恢复", by="department_head"),
        )

    @classmethod
    def alike(cls, query, values):
        """Of the customers in `query`, those with the same phone number, else the same name: for the duplicate hint."""
        same = list(query.where(cls.phone == values["phone"]).order_by(cls.id).limit(20)) if values.get("phone") else []
        if same:
            return same
        return list(query.where(cls.name == values["name"]).limit(20)) if values.get("name") else []
