"""From the descriptor of an image and the codes of queries to landmarks: C23 sections 3.2 and 3.3, W22 3.1.

A predictor works in two steps, so that what depends on the image alone is done once: ``decoder`` takes the
descriptors and returns a function, which then answers any queries, in as many parts as memory asks for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from calibration.errors import UsageError
from detector.network_config import NetworkConfig

Encode = Callable[[Tensor], Tensor]
"""Queries (L, 3) to codes (L, B)."""

Decoder = Callable[[Tensor], Tensor]
"""Queries (L, 3) to x, y and unbounded log sigma (N, L, 3)."""

FLOAT_BYTES = 4
SAME_QUERY = 1e-4
"""Largest difference of coordinates (of QUERY_SCALE: 15 micrometres) at which two queries are the same."""


class QueryEncoder(nn.Module):
    """M: queries (L, 3) to codes (L, B) by a 2-layer MLP, C23 section 3.2."""

    octaves: Tensor

    def __init__(self, code: int, frequencies: int) -> None:
        super().__init__()
        self.register_buffer("octaves", torch.pi * 2.0 ** torch.arange(frequencies), persistent=False)
        width = 3 * (1 + 2 * frequencies)
        self.layers = nn.Sequential(nn.Linear(width, 2 * code), nn.GELU(), nn.Linear(2 * code, code))

    def forward(self, queries: Tensor) -> Tensor:
        """Codes (L, B)."""
        phase = (queries[..., None] * self.octaves).flatten(-2)
        return self.layers(torch.cat([queries, phase.sin(), phase.cos()], dim=-1))  # type: ignore[no-any-return]


class Predictor(nn.Module, ABC):
    """P: what follows the descriptor."""

    @abstractmethod
    def decoder(self, descriptors: Tensor, encode: Encode) -> Decoder:
        """The function that answers queries about the images of these descriptors (N, d)."""

    @abstractmethod
    def bytes_per_answer(self) -> int:
        """Working memory for one query of one image, roughly."""


class QueryPredictor(Predictor):
    """A predictor of which each input is the descriptor joined with one query code, [f; q] of C23.

    The first layer is split, W [f; q] = Wf f + Wq q, so that its large part runs once per image and not
    once per query.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.from_descriptor = nn.Linear(config.descriptor, config.hidden)
        self.from_query = nn.Linear(config.query_code, config.hidden, bias=False)
        self.scale: nn.Linear | None = None
        if config.interaction == "product":
            self.scale = nn.Linear(config.descriptor, config.hidden)

    def join(self, descriptors: Tensor) -> Decoder:
        """The first layer for these descriptors (N, d): from codes (L, B) to (N, L, hidden)."""
        image = self.from_descriptor(descriptors)[:, None]
        factor = None if self.scale is None else 1 + self.scale(descriptors)[:, None]

        def joined(codes: Tensor) -> Tensor:
            part = self.from_query(codes)[None]
            return (part if factor is None else part * factor) + image  # type: ignore[no-any-return]

        return joined


class MlpPredictor(QueryPredictor):
    """A 4-layer MLP on the descriptor and one query code, C23 section 3.3."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        hidden = config.hidden
        self.layers = nn.Sequential(
            nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU()
        )
        self.output = output_layer(hidden)

    def decoder(self, descriptors: Tensor, encode: Encode) -> Decoder:
        """Each query is answered by itself."""
        joined = self.join(descriptors)
        return lambda queries: self.output(self.layers(joined(encode(queries))))

    def bytes_per_answer(self) -> int:
        """A layer's input and output, and what they were made of."""
        return 5 * self.output.in_features * FLOAT_BYTES


class PlainPredictor(Predictor):
    """W22's: a final linear layer of three values per landmark of one fixed layout, section 3.1.

    It is asked like the others, by queries; but only by those of its layout, of which it answers any part
    in any order. The paper's layer stands on the backbone's pooled features; here it stands on the
    descriptor, which is a linear function of them.
    """

    queries: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.layout = config.layout
        self.output = output_layer(config.descriptor, config.layout_size)
        # not a number until the layout is given: equal to no query
        self.register_buffer("queries", torch.full((config.layout_size, 3), torch.nan))

    def set_queries(self, queries: Tensor) -> None:
        """Say where the landmarks (L, 3) of the layout lie on the canonical head.

        Raises:
            UsageError: they are not as many as the network has.
        """
        if queries.shape != self.queries.shape:
            raise UsageError(
                f"the layout {self.layout!r} has {len(queries)} landmarks, the network {len(self.queries)}",
                fix="Set layout_size to the layout's number of landmarks",
            )
        self.queries.copy_(queries)

    def decoder(self, descriptors: Tensor, encode: Encode) -> Decoder:
        """All landmarks are computed at once; queries only choose among them."""
        output = self.output(descriptors).unflatten(-1, (-1, 3))
        return lambda queries: output[:, self._find(queries)]

    def _find(self, queries: Tensor) -> Tensor:
        """Indices (L,) of queries (L, 3) in the layout.

        Raises:
            UsageError: some are not of the layout.
        """
        difference = (queries[:, None] - self.queries).abs().amax(-1)
        nearest, index = difference.min(dim=1)
        # not a number is not smaller either
        if not bool((nearest <= SAME_QUERY).all()):
            raise UsageError(
                f"this network predicts the landmarks of the layout {self.layout!r} and no others",
                fix=f"Ask for {self.layout}, or use weights with an attention, mlp or transformer predictor",
            )
        return index

    def bytes_per_answer(self) -> int:
        """The differences from all landmarks of the layout."""
        return 8 * len(self.queries) * FLOAT_BYTES


def output_layer(width: int, landmarks: int = 1) -> nn.Linear:
    """The last layer: x, y and log sigma per landmark, at first in the middle and unsure."""
    layer = nn.Linear(width, 3 * landmarks)
    nn.init.normal_(layer.weight, std=0.01)
    # about a quarter of the crop
    layer.bias.data.copy_(torch.tensor([0.0, 0.0, -1.4]).repeat(landmarks))
    return layer
