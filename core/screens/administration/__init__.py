"""The pages from which the group, its branches, plugins and rules are administered."""

from core.screens.administration.audit import Audit
from core.screens.administration.calendar import Calendar
from core.screens.administration.channels import Channels
from core.screens.administration.clauses import Clauses
from core.screens.administration.findings import Findings
from core.screens.administration.jobs import Jobs
from core.screens.administration.limits import Limits
from core.screens.administration.measures import Measures
from core.screens.administration.organisation import Organisation
from core.screens.administration.people import People
from core.screens.administration.personal import Personal
from core.screens.administration.plugins import Plugins
from core.screens.administration.questions import Questions
from core.screens.administration.showings import Showings

PAGES = (
    Measures,
    Organisation,
    People,
    Plugins,
    Questions,
    Limits,
    Calendar,
    Clauses,
    Findings,
    Audit,
    Personal,
    Showings,
    Jobs,
    Channels,
)
