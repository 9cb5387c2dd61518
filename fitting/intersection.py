"""E_intersect: the skin stays out of the eyeballs and the teeth (W22 section 3.2 and figure 7).

Lids, lips, cheeks, eyeballs and teeth all hang on the head's joint, so that whether they pass through each
other is settled in the bind pose: by identity and expression alone, and by points that are linear in them.
That costs far less than the landmarks do. An eyeball is a sphere, a row of teeth its convex hull.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

# Frames whose distances between skin and teeth are held at once: some 10 MB.
_FRAMES_AT_ONCE = 128


@dataclass
class Curvature:
    """The Gauss-Newton Hessian of E_intersect; F frames, E expression and B identity coefficients.

    Attributes:
        frames: (F, E, E). ties: (F, E, B). shared: (B, B).
    """

    frames: Tensor
    ties: Tensor
    shared: Tensor


@dataclass(frozen=True, eq=False)
class Obstacle:
    """An eyeball, or a row of teeth, and the skin that is not to enter it; positions are among all points.

    Attributes:
        skin: (N,) vertices of skin.
        faces: (K, 3) triangles of a convex hull, outwards by the right hand; or (1, 3), the centre of a
            sphere three times.
        sphere: which of the two.
    """

    skin: Tensor
    faces: Tensor
    sphere: bool

    def depths(self, points: Tensor, radius: Tensor) -> tuple[Tensor, Tensor]:
        """How deep (F, N) metres the skin is inside, negative outside, and below which face (F, N).

        Args:
            points: (F, P, 3) metres. radius: of the sphere, metres.
        """
        if self.sphere:
            depth = radius - (points[:, self.skin] - points[:, self.faces[0, :1]]).norm(dim=-1)
            return depth, torch.zeros_like(depth, dtype=torch.int64)
        normals, levels = self._planes(points)
        # depth[f, n, k] = n[f, k] . (a[f, k] - x[f, n]), of which the least counts
        depth, face = (levels[:, None] - points[:, self.skin] @ normals.transpose(1, 2)).min(dim=-1)
        return depth, face

    def normals(self, points: Tensor, frame: Tensor, skin: Tensor, face: Tensor) -> Tensor:
        """(A, 3) unit vectors to the outside at points (F, P, 3), of frames, skin and faces (A,)."""
        if self.sphere:
            away = points[frame, skin] - points[frame, self.faces[0, 0]]
            return torch.nn.functional.normalize(away, dim=-1)
        return self._planes(points)[0][frame, face]

    def _planes(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Outward normals (F, K, 3) of the faces, and their heights (F, K) along them."""
        a, b, c = points[:, self.faces].unbind(2)
        normals = torch.nn.functional.normalize(torch.linalg.cross(b - a, c - a), dim=-1)
        return normals, (normals * a).sum(-1)


@dataclass
class _Touches:
    """A pairs of skin and obstacle that pass through each other.

    Attributes:
        frame, skin, obstacle: (A,) indices.
        corners: (A, 3) points whose mean with weights (A, 3), moved by the radius along the normal, is the
            nearest point of the obstacle's surface.
        normal: (A, 3) unit vectors to the outside.
    """

    frame: Tensor
    skin: Tensor
    obstacle: Tensor
    corners: Tensor
    weights: Tensor
    normal: Tensor


class Contacts(nn.Module):
    """What of a head model may pass through itself: P points in the bind pose, and O obstacles among them.

    See :func:`fitting.contact_pairs.contacts_of` for how the points are chosen.
    """

    mean: Tensor
    identity_basis: Tensor
    expression_basis: Tensor
    radius: Tensor
    radius_basis: Tensor

    def __init__(
        self,
        points: tuple[Tensor, Tensor, Tensor],
        radii: tuple[Tensor, Tensor],
        obstacles: tuple[Obstacle, ...],
    ) -> None:
        """Take the points' mean (P, 3), identity basis (B, P, 3) and expression basis (E, P, 3), and the
        obstacles' mean radius (O,) and its basis (B, O), zero for a hull; metres.
        """
        super().__init__()
        names = ("mean", "identity_basis", "expression_basis", "radius", "radius_basis")
        for name, value in zip(names, (*points, *radii), strict=True):
            self.register_buffer(name, value)
        self.obstacles = obstacles

    def energy(self, identity: Tensor, expression: Tensor) -> Tensor:
        """Half the sum of squared depths in m^2, of identity (B,) and expression (F, E)."""
        depth, _ = self.depths(identity, expression)
        return 0.5 * (depth * depth).sum()

    def depths(self, identity: Tensor, expression: Tensor) -> tuple[Tensor, Tensor]:
        """How deep (A,) metres each vertex of skin is that is inside an obstacle, and in which frame (A,).

        The first derivatives are exact: as far as those go, normals and nearest points can be held, since
        the depth is a distance to the nearest point.
        """
        points = self.points(identity, expression)
        touches = self._touches(points.detach(), self.radii(identity.detach()))
        # foot[a] = sum_i w[a, i] p[corner[a, i]]
        foot = (points[touches.frame[:, None], touches.corners] * touches.weights[..., None]).sum(1)
        away = foot - points[touches.frame, touches.skin]
        return self.radii(identity)[touches.obstacle] + (touches.normal * away).sum(-1), touches.frame

    @torch.no_grad()
    def curvature(self, identity: Tensor, expression: Tensor) -> Curvature:
        """The Gauss-Newton Hessian of :meth:`energy`."""
        faces, size = len(identity), expression.shape[1]
        blocks = expression.new_zeros(len(expression), size, size + faces)
        shared = expression.new_zeros(faces, faces)
        for start in range(0, len(expression), _FRAMES_AT_ONCE):
            part = expression[start : start + _FRAMES_AT_ONCE]
            touches = self._touches(self.points(identity, part), self.radii(identity))
            by_expression = self._slopes(self.expression_basis, touches)
            by_identity = self._slopes(self.identity_basis, touches)
            by_identity = by_identity + self.radius_basis[:, touches.obstacle].T
            rows = torch.cat((by_expression, by_identity), dim=1)
            for frame in sorted(set(touches.frame.tolist())):
                here = touches.frame == frame
                blocks[start + frame] = by_expression[here].T @ rows[here]
            shared += by_identity.T @ by_identity
        return Curvature(blocks[..., :size], blocks[..., size:], shared)

    def points(self, identity: Tensor, expression: Tensor) -> Tensor:
        """(F, P, 3) metres in the bind pose."""
        # p[f] = mean + sum_b beta[b] identity[b] + sum_e psi[f, e] expression[e]
        neutral = self.mean.flatten() + identity @ self.identity_basis.flatten(1)
        return (neutral + expression @ self.expression_basis.flatten(1)).reshape(len(expression), -1, 3)

    def radii(self, identity: Tensor) -> Tensor:
        """(O,) metres, zero for hulls."""
        return self.radius + identity @ self.radius_basis

    def _slopes(self, basis: Tensor, touches: _Touches) -> Tensor:
        """(A, n) derivatives of the depths by the coefficients of a basis (n, P, 3), radius apart."""
        foot = (basis[:, touches.corners] * touches.weights[..., None]).sum(2)
        return torch.einsum("ai,nai->an", touches.normal, foot - basis[:, touches.skin])

    @torch.no_grad()
    def _touches(self, points: Tensor, radii: Tensor) -> _Touches:
        found = []
        for number, obstacle in enumerate(self.obstacles):
            depth, faces = obstacle.depths(points, radii[number])
            frame, row = (depth > 0).nonzero(as_tuple=True)
            skin, face = obstacle.skin[row], faces[frame, row]
            normal = obstacle.normals(points, frame, skin, face)
            corners = obstacle.faces[face]
            weights = torch.eye(3).to(points)[0].expand_as(normal)
            if not obstacle.sphere:
                weights = _foot_weights(points[frame[:, None], corners], points[frame, skin], normal)
            found.append(_Touches(frame, skin, torch.full_like(frame, number), corners, weights, normal))
        columns = zip(*(vars(each).values() for each in found), strict=True)
        return _Touches(*(torch.cat(column) for column in columns))


def _foot_weights(corners: Tensor, point: Tensor, normal: Tensor) -> Tensor:
    """Barycentric weights (A, 3) of the points (A, 3) dropped on the planes of triangles (A, 3, 3)."""
    a, b, c = corners.unbind(1)
    area = (torch.linalg.cross(b - a, c - a) * normal).sum(-1)
    second = (torch.linalg.cross(point - a, c - a) * normal).sum(-1) / area
    third = (torch.linalg.cross(b - a, point - a) * normal).sum(-1) / area
    return torch.stack((1 - second - third, second, third), dim=-1)
