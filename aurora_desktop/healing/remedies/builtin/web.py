"""Faults of web programs that only their owner can mend: a route that is not there, an origin that is not allowed."""

from aurora_desktop.healing.remedies.kinds import FaultKind

FAULT_KINDS = (
    FaultKind(
        name="routing",
        title="Route not found",
        sentence="{service} answers its own probe with HTTP {status}: it has no such route",
        next_step="Correct the probe's `url` in the settings of {service}, or add the route to the program",
        patterns=(r"answered with HTTP status (?P<status>404|405|410)\b",),
        events=frozenset({"probe_failing", "service_failed"}),
        hints=("http status",),
        priority=80,
    ),
    FaultKind(
        name="host_not_allowed",
        title="Host not allowed",
        sentence="{service} refuses requests for the host {host}",
        next_step="Add {host} to the hosts that {service} allows (Django: ALLOWED_HOSTS; Vite: server.allowedHosts)",
        patterns=(
            r"(?:Disallowed|Invalid )(?:Host|HTTP_HOST header)[^\n]{0,40}?: '?(?P<host>[\w.:-]{1,253})'?",
            r"Blocked request\. This host \(\"(?P<host>[\w.:-]{1,253})\"\) is not allowed",
            r"Blocked hosts?: (?P<host>[\w.:-]{1,253})",
        ),
        hints=("host",),
        priority=70,
    ),
    FaultKind(
        name="cors",
        title="Blocked by CORS",
        sentence="{service} does not allow requests from {origin}",
        next_step="Add {origin} to the allowed origins of {service} (Access-Control-Allow-Origin: the page's scheme,"
        " host and port, no path; `*` does not go with credentials)",
        patterns=(
            r"from origin '(?P<origin>[^'\s]{1,300})' has been blocked by CORS policy",
            r"(?i)cross-origin request blocked:.{0,200}? at (?P<target>https?://[^\s.]{1,300})",
            (
                r"(?i)(?:origin|cors)[ :'\"]{1,4}(?P<origin>https?://[\w.:-]{1,260})['\"]?.{0,20}? (?:is )?(?:not"
                r" allowed|blocked|denied|rejected)"
            ),
            (
                r"(?i)not allowed by CORS|CORS (?:error|policy|request (?:rejected|did not succeed))|disallowed CORS"
                r" (?:origin|headers|method)"
            ),
            r"(?i)no 'access-control-allow-origin' header|CORSMissingAllowOrigin",
        ),
        hints=("cors", "cross-origin", "origin", "access-control"),
        priority=65,
    ),
)
