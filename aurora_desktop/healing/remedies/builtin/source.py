"""Faults of the program itself: named with file and line. Nobody but a person mends them; code is not guessed at."""

from aurora_desktop.healing.remedies.kinds import FaultKind

# Of the service's own code first, then of whatever library it was in.
_OWN = r"(?![^\"()]*(?:site-packages|dist-packages|node_modules|/lib/python3))"
_PYTHON = r'^\s*File "{own}(?P<file>[^"<]{{1,500}})", line (?P<line>\d{{1,9}})'
_FRAME = (
    r"^\s+at (?:[^(\n]{{0,200}}\()?(?:file://)?{own}(?P<file>/[^():\n]{{1,500}}?):(?P<line>\d{{1,9}}):\d{{1,9}}\)?$"
)
PLACES = (
    _PYTHON.format(own=_OWN),
    _FRAME.format(own=_OWN),
    r"^(?:file://)?(?P<file>/[^():\n]{1,500}?\.[cm]?[jt]sx?):(?P<line>\d{1,9})$",
    _PYTHON.format(own=""),
    _FRAME.format(own=""),
)
_TYPESCRIPT = r"^(?P<file>[^\s():]{1,500}\.[cm]?tsx?)[(:](?P<line>\d{1,9})[,:]\d{1,9}\)?(?: -|:) error "

SYNTAX_ERROR = FaultKind(
    name="syntax_error",
    title="Syntax error",
    sentence="{service} cannot be read as a program: {error} ({file} line {line})",
    next_step="Correct {file} at line {line}; Aurora starts {service} again by itself, or `aurora restart`",
    patterns=(
        r"^(?P<error>(?:SyntaxError|IndentationError|TabError): [^\n]{1,300})$",
        rf"{_TYPESCRIPT}(?P<error>TS1\d\d\d: [^\n]{{1,300}})$",
        r"(?P<error>(?:Transform failed|Parse error|Parsing error|Unexpected token)[^\n]{0,300})$",
        r"^(?P<file>[^\s:]{1,500}\.rb):(?P<line>\d{1,9}): (?P<error>syntax error[^\n]{1,300})$",
        r"^(?P<file>[^\s:]{1,500}\.go):(?P<line>\d{1,9}):\d{1,9}: (?P<error>syntax error[^\n]{1,300})$",
        r"^(?P<file>[^\s:]{1,500}): (?:line )?(?P<line>\d{1,9}): (?P<error>[Ss]yntax error[^\n]{1,300})$",
    ),
    more=PLACES,
    hints=("error", "unexpected", "failed"),
    priority=55,
)

CIRCULAR_IMPORT = FaultKind(
    name="circular_import",
    title="Circular import",
    sentence="{service}: {module} imports what imports it ({file} line {line})",
    next_step="Break the circle at {file} line {line}: import inside of the function that needs it, or move what both"
    " need into a third module",
    patterns=(
        r"partially initialized module '(?P<module>[^']{1,200})'.{0,200}circular import",
        r"ReferenceError: Cannot access '(?P<module>[^']{1,100})' before initialization",
        r"(?i)Accessing non-existent property '(?P<module>[^']{1,100})' of module exports inside circular dependency",
        r"(?i)\bcircular (?:import|dependency)[^\n]{0,40}?:? (?P<module>[\w./@-]{1,200})",
        r"(?i)import cycle not allowed",
    ),
    more=PLACES,
    hints=("circular", "before initialization", "import cycle"),
    priority=90,
)

MISSING_IMPORT = FaultKind(
    name="missing_import",
    title="Import of a name that is not there",
    sentence="{service}: {module} has no {symbol} ({file} line {line})",
    next_step="Correct the import in {file} line {line}, or install the version of {module} that has {symbol}",
    patterns=(
        r"ImportError: cannot import name '(?P<symbol>[^']{1,200})' from '(?P<module>[^']{1,200})'",
        (
            r"SyntaxError: The requested module '(?P<module>[^']{1,300})' does not provide an export named"
            r" '(?P<symbol>[^']{1,200})'"
        ),
        r"\"(?P<symbol>[^\"]{1,200})\" is not exported by \"(?P<module>[^\"]{1,300})\"",
        (
            rf"{_TYPESCRIPT}TS2305: Module '\"?(?P<module>[^'\"]{{1,300}})\"?' has no exported member"
            rf" '(?P<symbol>[^']{{1,200}})'"
        ),
        (
            r"NameError: name '(?P<symbol>[^']{1,200})' is not defined\. Did you forget to import"
            r" '(?P<module>[^']{1,200})'"
        ),
        (
            r"ImportError: (?P<module>[^\s:]{1,300}\.so[\w.]{0,40}): (?P<symbol>cannot open shared object file"
            r"|undefined symbol)"
        ),
        (
            r"error while loading shared libraries: (?P<module>[^\s:]{1,300}): (?P<symbol>cannot open shared object"
            r" file): No such"
        ),
    ),
    more=PLACES,
    hints=("import", "export", "shared", "nameerror"),
    priority=85,
)

TYPE_ERROR = FaultKind(
    name="type_error",
    title="Type error",
    sentence="{service}: {error} ({file} line {line})",
    next_step="Look at {file} line {line}, at what it was given there, and at what changed last",
    patterns=(
        (
            r"^(?:Uncaught )?(?P<error>(?:TypeError|AttributeError|NameError|UnboundLocalError|ReferenceError):"
            r" [^\n]{1,300})$"
        ),
        rf"{_TYPESCRIPT}(?P<error>TS2\d\d\d: [^\n]{{1,300}})$",
        (
            r"^(?P<file>[^\s:]{1,500}\.rb):(?P<line>\d{1,9}):in .{1,200}: (?P<error>undefined (?:local variable or"
            r" )?method[^\n]{1,300})$"
        ),
        r"(?P<error>java\.lang\.(?:NullPointer|ClassCast)Exception[^\n]{0,300})$",
        r"(?P<error>panic: runtime error: (?:invalid memory address|index out of range)[^\n]{0,300})$",
    ),
    more=PLACES,
    hints=("error", "exception", "undefined"),
    priority=30,
)

CRASH = FaultKind(
    name="crash",
    title="Crash",
    sentence="{service} crashed: {error} ({file} line {line})",
    next_step="Look at {file} line {line}; `aurora logs {service}` shows all that it printed, and a crash of native"
    " code is in `coredumpctl info`",
    patterns=(
        r"(?P<error>killed by SIG(?:SEGV|ABRT|BUS|ILL|FPE|TRAP|SYS))\b",
        r"(?P<error>Fatal Python error: [^\n]{1,200}|Segmentation fault|core dumped|stack smashing detected)",
        (
            r"thread '[^']{1,100}' (?:\(\d{1,10}\) )?(?P<error>panicked) at (?:'[^']{1,300}',"
            r" )?(?P<file>[^:\n]{1,300}):(?P<line>\d{1,9})"
        ),
        r"^(?P<error>panic: [^\n]{1,300})$",
        r"^(?P<error>(?:[\w.]{1,100}\.)?\w{1,60}(?:Error|Exception)\b(?:: [^\n]{1,300})?)$",
        r"^(?P<error>Exception in thread \"[^\"]{1,100}\" [^\n]{1,300})$",
        r"^(?P<file>[^\s:]{1,500}\.rb):(?P<line>\d{1,9}):in .{1,200}: (?P<error>[^\n]{1,300} \(\w{1,60}\))$",
    ),
    more=PLACES,
    hints=("error", "exception", "panic", "sig", "segmentation", "core dumped", "stack smashing", "rb:"),
    priority=10,
)

FAULT_KINDS = (SYNTAX_ERROR, CIRCULAR_IMPORT, MISSING_IMPORT, TYPE_ERROR, CRASH)
OF_THE_CODE = tuple(kind.name for kind in FAULT_KINDS)
