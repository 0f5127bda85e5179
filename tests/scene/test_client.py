"""The door to PyBullet: no chatter, a finding where it is missing, nothing loaded before it is asked for."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from cellctl.errors import EnvironmentMissing
from cellctl.scene.bullet.client import Client, bullet, distance_client, quiet


def test_a_missing_pybullet_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pybullet", None)
    with pytest.raises(EnvironmentMissing, match="PyBullet is not installed") as caught:
        bullet.__wrapped__()
    assert caught.value.findings[0].code == "E501"


def test_every_call_carries_the_clients_own_id() -> None:
    with Client() as one, Client() as two:
        one.createMultiBody(0.0, -1, -1)
        assert (one.getNumBodies(), two.getNumBodies()) == (1, 0)
    assert one.id == -1
    one.close()


def test_distances_share_one_client() -> None:
    assert distance_client() is distance_client()


def test_what_c_prints_is_kept_off_and_what_python_prints_stays(capfd: pytest.CaptureFixture[str]) -> None:
    print("before")
    with quiet():
        os.write(1, b"chatter")
        os.write(2, b"chatter")
    print("after")
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("before\nafter\n", "")


def test_modules_of_the_scene_import_without_pybullet() -> None:
    modules = ("exact", "render", "dynamics", "selftest", "solids")
    code = f"import sys; sys.modules['pybullet'] = None\nfor m in {modules}: __import__('cellctl.scene.bullet.' + m)"
    subprocess.run([sys.executable, "-c", code], check=True)
