"""The table of commands. Each is imported when it is called, so that `cellctl --help` costs nothing."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Parameter

from cellctl import __version__
from cellctl.cli.output import terminal

EXIT_CODES = (
    "Exit codes: 0 done; 1 checked and failed; 2 usage or bad file; 3 something missing here; "
    "4 no answer within the limit; 5 stopped; 70 a bug of ours."
)
COMMANDS = {
    "init": (
        "cellctl.cli.init:init",
        "Write a small project of your own: cell, part, procedure, task, tests and a workflow.",
    ),
    "run": (
        "cellctl.cli.run:run",
        "Plan and prove a task, or prove a plan again, and run it; on a simulated arm unless another driver is named.",
    ),
    "resume": (
        "cellctl.cli.resume:resume",
        "Say what an interrupted run did and where it stopped; with `--arc`, go on with it.",
    ),
    "plan": ("cellctl.cli.plan:plan", "Plan and prove a task and write the plan file."),
    "check": ("cellctl.cli.check:check", "Read, plan and prove tasks; nothing moves and no plan is written."),
    "verify": (
        "cellctl.cli.check:verify",
        "Prove a plan file again, from itself alone; of a run, judge what was measured too.",
    ),
    "diff": (
        "cellctl.cli.diff:diff",
        "Compare two plans: motion, time, clearance, joint margins, and what they were made from.",
    ),
    "report": ("cellctl.cli.report:report", "Show what was proved of a plan and measured in a run, or draw it."),
    "schema": ("cellctl.cli.schema:schema", "Print the JSON Schema of a file kind."),
    "doctor": (
        "cellctl.cli.doctor:doctor",
        "Look whether everything that cellctl needs is here and answers right, or who is on a serial port.",
    ),
    "emulate": (
        "cellctl.cli.emulate:emulate",
        "Emulate the controller of an arm at a pseudoterminal until Ctrl-C; the port is printed first.",
    ),
    "calibrate": (
        "cellctl.cli.calibrate:calibrate",
        "Measure where the joints of a real arm have their zeros, and write its wiring file; nothing moves.",
    ),
    "release": (
        "cellctl.cli.release:release",
        "Take the torque of a real arm; one without brakes falls unless somebody holds it.",
    ),
    "explain": ("cellctl.cli.explain:explain", "Explain the code of a finding."),
}
SUBCOMMANDS = {
    "export": (
        "Write a cell, a plan or a run in other tools' words.",
        {
            "urdf": ("cellctl.cli.export:urdf", "Write a cell as URDF and SRDF, with its hulls as STL."),
            "csv": ("cellctl.cli.export:csv", "Write a plan as a table: time, joints, TCP, segment and arc."),
            "mcap": ("cellctl.cli.export:mcap", "Write the record of a run as MCAP, which Foxglove opens."),
            "parquet": ("cellctl.cli.export:parquet", "Write the trace of a run as a Parquet table, a row a cycle."),
        },
    ),
    "runs": (
        "The history of runs.",
        {
            "list": ("cellctl.cli.runs:list_runs", "List the runs, the latest last."),
            "show": ("cellctl.cli.runs:show", "Show one run in figures, and what it traces back to."),
            "compare": ("cellctl.cli.runs:compare", "Show the figures of two runs beside each other."),
        },
    ),
    "log": (
        "The files of a record.",
        {
            "recover": (
                "cellctl.cli.log:recover",
                "Write what is whole of a journal, trace or event list to a new file; the damaged one stays.",
            ),
        },
    ),
    "sim": (
        "Keep a simulated cell up, for other commands to talk to.",
        {
            "start": ("cellctl.cli.sim:start", "Start the simulated cell."),
            "stop": ("cellctl.cli.sim:stop", "Stop the simulated cell."),
            "status": ("cellctl.cli.sim:status", "Say whether a simulated cell is up, and in which state its arm is."),
        },
    ),
    "bench": (
        "Measure how fast and how good cellctl is here; alone, with every suite that needs no files and no real time.",
        {
            "screen": (
                "cellctl.cli.bench:screen",
                "Measure collision tests of states and motions of an arm among boxes, and covers in the `tray_cell`.",
            ),
            "ik": (
                "cellctl.cli.bench:ik",
                "Measure the closed-form inverse kinematics in bulk: time, error, and branches that a peer finds.",
            ),
            "timing": (
                "cellctl.cli.bench:timing",
                "Measure time-optimal profiles and laws inside jerk limits, and how well limits hold.",
            ),
            "seam": (
                "cellctl.cli.bench:seam",
                "Measure the planning of a closed seam: ladder, tilts, refinement, bodies, positioner, memory, length.",
            ),
            "job": (
                "cellctl.cli.bench:job",
                "Measure the first job from task to certified plan: warm, in a new process, with nothing compiled yet.",
            ),
            "proof": (
                "cellctl.cli.bench:proof",
                "Measure the proof of a plan of a minute, and of a plan file in a new process.",
            ),
            "narrow": (
                "cellctl.cli.bench:narrow",
                "Measure free motions into narrow places: a cage, a box, a thin shelf, below a table.",
            ),
            "mbm": ("cellctl.cli.bench:mbm", "Measure free motions on problem sets laid out like MotionBenchMaker's."),
            "faults": (
                "cellctl.cli.bench:faults",
                "Run arms on lying serial lines, in simulated time, and count how the runs end.",
            ),
            "serial": (
                "cellctl.cli.bench:serial",
                "Measure how fast emulated controllers are served over pseudoterminals, in real time.",
            ),
            "stream": (
                "cellctl.cli.bench:stream",
                "Stream setpoints to a simulated arm at 500 Hz in real time; count what is lost or late.",
            ),
            "soak": (
                "cellctl.cli.bench:soak",
                "Ask the exact engines about random states and motions that a screen calls free.",
            ),
        },
    ),
    "robots": (
        "The arms in the library, and those of your project.",
        {
            "list": ("cellctl.cli.robots:list_robots", "List the arms in the library, and those of your project."),
            "info": ("cellctl.cli.robots:info", "Show the figures of one arm."),
            "add": ("cellctl.cli.robots:add", "Make a robot folder of your project from a URDF or xacro file."),
            "check": (
                "cellctl.cli.robots:check",
                "Check one arm: kinematics, branches, self-collisions, cover of its meshes, figures.",
            ),
        },
    ),
}


def application() -> App:
    """The command line as cyclopts wants it; its meta application takes the options that every command has."""
    app = App(
        name="cellctl",
        version=__version__,
        help="Plan, prove and run welding and assembly in small robot cells.",
        help_epilogue=EXIT_CODES,
        result_action="return_value",
        suppress_keyboard_interrupt=False,
        console=terminal(),
    )
    for name, (target, summary) in COMMANDS.items():
        app.command(target, name=name, help=summary)
    for name, (summary, children) in SUBCOMMANDS.items():
        group = App(name=name, help=summary)
        for child, (target, child_summary) in children.items():
            group.command(target, name=child, help=child_summary)
        app.command(group)
    app["bench"].default(_bench)
    _add_common_options(app)
    return app


def _bench(*, repeats: Annotated[int, Parameter(help="How often each call is measured.")] = 5) -> Any:
    """Measure with every suite that needs no files and no real time."""
    from cellctl.cli.bench import every_suite

    return every_suite(repeats=repeats)


def _add_common_options(app: App) -> None:
    app.meta.result_action = ("return_value",)
    app.meta.suppress_keyboard_interrupt = False

    @app.meta.default
    def command_line(
        *words: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
        json: Annotated[bool, Parameter(negative="", help="One JSON document on stdout, findings included.")] = False,
        debug: Annotated[bool, Parameter(negative="", help="Show the traceback of a bug of ours.")] = False,
    ) -> Any:
        """Run one command; `main` looks at the two options itself, for they hold when no command is found, too."""
        return app(words, exit_on_error=False, print_error=False)
