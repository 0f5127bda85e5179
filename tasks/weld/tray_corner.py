"""The battery-tray corner in Python, the same task as `tray_corner.yaml`. Run it to plan, prove and weld it."""

from cellctl import Cell, MoveJ, Task, Weld, deg, mm

WPS = "mig131_al_t3"

task = Task(
    steps=(
        MoveJ("home"),
        Weld("tray.left", wps=WPS, from_=15 * mm, to=-25 * mm),
        Weld("tray.right", wps=WPS, from_=15 * mm, to=-25 * mm),
        Weld("tray.corner", wps=WPS, from_=8 * mm, to=-30 * mm),
        Weld("tray.boss", wps=WPS, start=45 * deg, overlap=8 * mm),
        MoveJ("home"),
    ),
    cell=Cell.load("lib:sim/tray_cell/cell.yaml"),
    name="tray_corner",
)

if __name__ == "__main__":
    from cellctl import certify, plan, run

    certified = certify(plan(task))
    for event in run(certified):
        print(event)  # noqa: T201 - an example talks to its reader
