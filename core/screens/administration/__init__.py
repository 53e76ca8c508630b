"""The pages of those who administer: switches, people, forms, limits, calendar, jobs, audit."""

PAGES = ()
