"""Programs, files and variables that are not there: named, since only a person knows where they should come from."""

from aurora_desktop.healing.remedies.kinds import FaultKind

FAULT_KINDS = (
    FaultKind(
        name="missing_command",
        title="Program not found",
        sentence="{service}: the program {program} was not found",
        next_step="Install {program}, correct `command` of {service}, or set PATH in its `env`",
        patterns=(
            r"^command not found: (?P<program>[^\n]{1,300})$",
            r"(?:^|: )(?P<program>[^\s:]{1,300}): (?:command )?not found$",
            r"exec: \"(?P<program>[^\"]{1,300})\": executable file not found in",
            r"spawn (?P<program>[^\s]{1,300}) ENOENT",
        ),
        hints=("not found", "enoent", "executable file"),
        priority=50,
    ),
    FaultKind(
        name="missing_file",
        title="File not found",
        sentence="{service}: {path} is not there",
        next_step="Put {path} where {service} looks for it, or correct its `cwd` or its settings",
        patterns=(
            r"\[Errno 2\] [^:'\"]{1,100}: b?['\"](?P<path>[^'\"\n]{1,400})['\"]",
            r"ENOENT: [\w ]{1,60}, \w{1,30} '(?P<path>[^'\n]{1,400})'",
            r"(?i)\b(?:open|stat|lstat|mkdir|chdir) (?P<path>[^:\n]{1,400}): no such file or directory",
            (
                r"^(?:[^\s:]{1,200}: )(?:(?:line )?\d{1,9}: )?(?:cannot (?:open|access|stat|create)"
                r" )?['\u2018]?(?P<path>[^:'\u2019\n]{1,400})['\u2019]?: No such file or directory$"
            ),
            r"\(Errno::ENOENT\)|FileNotFoundException: (?P<path>[^\n]{1,400}) \(No such file",
        ),
        hints=("errno 2", "enoent", "no such file"),
        priority=40,
    ),
    FaultKind(
        name="missing_variable",
        title="Environment variable missing",
        sentence="{service}: the variable {variable} is not set",
        next_step="Set {variable} in `env` or `env_file` of {service}",
        patterns=(
            (
                r"(?i)(?:environment variable|env var|env)[ :'\"`]{1,3}(?P<variable>[A-Z][A-Z0-9_]{1,80})['\"`]?"
                r" (?:is )?(?:not set|missing|required|undefined|must be set)"
            ),
            (
                r"(?i)missing (?:required )?(?:environment variables?|env"
                r" vars?)[ :'\"`]{1,4}(?P<variable>[A-Z][A-Z0-9_]{1,80})"
            ),
            r"^KeyError: '(?P<variable>[A-Z][A-Z0-9]{1,40}_[A-Z0-9_]{1,60})'$",
        ),
        hints=("env", "keyerror"),
        priority=50,
    ),
)
