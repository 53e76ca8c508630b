"""The JSON API under /api/v1/: the same records, permissions and rules as the screens, for programs with a token."""

from core.api import general, openapi, records, trails
from core.api.entrance import RecordTypeName, blueprint, without_route
from core.api.problems import handle
from core.screens.guard import csrf

ROUTES = (general, openapi, records, trails)  # each adds its routes to the blueprint when it is imported
handle(blueprint)


def install(app):
    """Add the API's routes. Tokens are its only key, so that no page of another site can use a browser's session."""
    csrf.exempt(blueprint)
    app.url_map.converters["record_type"] = RecordTypeName
    app.register_blueprint(blueprint)
    app.before_request_funcs.setdefault(None, []).insert(0, without_route)  # before anybody is sent to sign in
