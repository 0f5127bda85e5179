"""Surfaces and pictures: sizes, colours that must be there, shadow, and the same picture every time."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from cellctl.errors import FileError
from cellctl.model.cell import Camera
from cellctl.model.pose import Pose
from cellctl.model.shapes import Box, Cylinder, Sphere, Visual
from cellctl.scene.bullet.render import Renderer, RenderScene, Shown, camera_for, render
from cellctl.scene.meshes import collada_surfaces, mesh_surfaces, shape_surface, tube, visual_surfaces
from cellctl.scene.shading import View

KUKA = "pkg:rtbdata/xacro/kuka_description/kuka_kr16/meshes/kr16_2"
CAMERA = Camera((1.6, -1.4, 1.2), (0.0, 0.0, 0.3), 0.6)
RED, GREEN = (0.8, 0.1, 0.1), (0.1, 0.9, 0.2)


def box_scene(*, lifted: float = 0.0) -> RenderScene:
    box = shape_surface(Box((0.4, 0.4, 0.4)), RED)
    return RenderScene((Shown("box", (box,), Pose.of((0.0, 0.0, 0.2 + lifted))),))


def reddish(image: np.ndarray) -> np.ndarray:
    red, green, blue = (image[..., k].astype(int) for k in range(3))
    return (red > 60) & (red > 3 * green) & (red > 3 * blue)


def test_a_picture_has_its_size_and_its_colours() -> None:
    image = render(box_scene(), CAMERA, (200, 150))
    assert image.shape == (150, 200, 3)
    assert image.dtype == np.uint8
    assert 0.03 < reddish(image).mean() < 0.4
    corner = image[:5, :5].reshape(-1, 3).astype(int)
    assert corner.min() > 180
    assert np.ptp(corner, axis=1).max() < 40


def test_the_box_is_where_the_camera_says() -> None:
    image = render(box_scene(), CAMERA, (200, 150))
    rows, columns = np.nonzero(reddish(image))
    view = View.of(CAMERA, 200 / 150)
    corners = np.array([[x, y, z] for x in (-0.2, 0.2) for y in (-0.2, 0.2) for z in (0.0, 0.4)]) - view.eye
    depth = corners @ view.forward
    u = corners @ view.right / depth / (view.height * view.aspect)
    v = corners @ view.up / depth / view.height
    assert columns.min() == pytest.approx((u.min() + 1) * 100, abs=2)
    assert columns.max() == pytest.approx((u.max() + 1) * 100, abs=2)
    assert rows.min() == pytest.approx((1 - v.max()) * 75, abs=2)
    assert rows.max() == pytest.approx((1 - v.min()) * 75, abs=3)


def test_a_lifted_box_throws_a_shadow_beside_itself() -> None:
    low = Camera((0.0, 0.0, 4.0), (0.0, 0.0, 0.0), 0.8)
    bare = render(RenderScene((Shown("box", (shape_surface(Box((0.01, 0.01, 0.01)), RED),)),)), low, (160, 120))
    image = render(box_scene(lifted=0.6), low, (160, 120))
    darker = (image.astype(int).sum(axis=2) < bare.astype(int).sum(axis=2) - 90) & ~reddish(image)
    assert darker.mean() > 0.01


def test_pictures_are_the_same_every_time() -> None:
    assert np.array_equal(render(box_scene(), CAMERA, (120, 90)), render(box_scene(), CAMERA, (120, 90)))


def test_things_can_be_moved_and_glowing_ones_recoloured() -> None:
    seam = tube([(-0.3, 0.0, 0.5), (0.3, 0.0, 0.5)], 0.03, (0.0, 0.0, 1.0))
    scene = RenderScene((*box_scene().things, Shown("seam", (seam,), glows=True)))
    with Renderer(scene) as renderer:
        before = renderer.image(CAMERA, (160, 120))
        renderer.recolour("seam", GREEN)
        renderer.place("box", Pose.of((0.0, 0.0, -5.0)))
        after = renderer.image(CAMERA, (160, 120))
        with pytest.raises(KeyError):
            renderer.place("none", Pose.identity())
    plain = np.round(np.multiply(GREEN, 255.0)).astype(int)
    assert (before == (0, 0, 255)).all(axis=2).any()
    assert (np.abs(after.astype(int) - plain) <= 1).all(axis=2).any()
    assert not reddish(after).any()


@pytest.mark.parametrize("shape", [Box((0.1, 0.2, 0.3)), Cylinder(0.1, 0.4), Sphere(0.2)])
def test_surfaces_face_outwards_and_enclose_their_shape(shape) -> None:
    surface = shape_surface(shape, RED)
    a, b, c = (surface.vertices[k::3] for k in range(3))
    faces = np.cross(b - a, c - a)
    assert (np.einsum("ij,ij->i", faces, a) > 0.0).all()
    assert (np.einsum("ij,ij->i", faces, surface.normals[::3]) > 0.0).all()
    assert np.linalg.norm(surface.normals, axis=1) == pytest.approx(1.0)
    volume = np.einsum("ij,ij->", a, faces) / 6.0
    assert volume == pytest.approx(ConvexHull(surface.vertices).volume, rel=1e-9)


def test_edges_of_a_box_stay_sharp_and_a_cylinder_is_smooth() -> None:
    box = shape_surface(Box((1.0, 1.0, 1.0)), RED)
    assert np.abs(box.normals).max(axis=1) == pytest.approx(1.0)
    side = shape_surface(Cylinder(0.5, 1.0), RED)
    radial = np.abs(side.normals[:, 2]) < 0.5
    outward = side.vertices[radial, :2] / 0.5
    assert np.einsum("ij,ij->i", side.normals[radial, :2], outward).min() > 0.999


@pytest.mark.parametrize("link", ["base_link", *(f"link_{k}" for k in range(1, 7))])
def test_the_kuka_is_read_from_collada_in_place(link: str) -> None:
    trimesh = pytest.importorskip("trimesh")
    from cellctl.files.mesh.reading import resolve_package_reference

    surfaces = mesh_surfaces(f"{KUKA}/visual/{link}.dae")
    points = np.vstack([surface.vertices for surface in surfaces])
    solid = trimesh.load(resolve_package_reference(f"{KUKA}/collision/{link}.stl"))
    assert np.abs(np.array([points.min(axis=0), points.max(axis=0)]) - solid.bounds).max() < 2e-3


def test_the_largest_material_takes_the_colour_of_the_file() -> None:
    body, *rest = sorted(
        visual_surfaces(Visual(mesh=f"{KUKA}/visual/link_1.dae", colour=GREEN)), key=lambda s: -len(s.vertices)
    )
    assert body.colour == GREEN
    assert all(surface.colour == (0.1, 0.1, 0.1) for surface in rest)
    assert rest


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "F184"),
        (b"<a", "F184"),
        (b"<COLLADA/>", "F142"),
        (b"<COLLADA><asset><unit meter='x'/></asset></COLLADA>", "F142"),
    ],
)
def test_what_is_no_collada_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(FileError) as caught:
        collada_surfaces(content, "x.dae")
    assert caught.value.findings[0].code == code


def test_a_camera_that_holds_everything_does(sample: ModuleType) -> None:
    points = np.random.default_rng(1).uniform((-0.5, -1.0, 0.0), (1.5, 0.5, 2.0), (50, 3))
    view = View.of(camera_for(points), 4 / 3)
    at = points - view.eye
    depth = at @ view.forward
    assert (depth > 0.0).all()
    assert (np.abs(at @ view.up) <= view.height * depth).all()
    assert (np.abs(at @ view.right) <= view.height * view.aspect * depth).all()
