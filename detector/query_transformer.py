"""The transformer predictor: 4 layers of 8 heads over the queries, C23 section 3.3."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from detector.network_config import HEADS, NetworkConfig
from detector.query_predictor import FLOAT_BYTES, Decoder, Encode, QueryPredictor, output_layer

LAYERS = 4
WIDENING = 2
"""Width of a layer's MLP, in widths of the token."""

HEAD_MIDDLE = (0.0, -0.10, -0.43)
HEAD_RADII = (0.58, 0.80, 0.73)
"""The ellipsoid about the canonical head, in units of QUERY_SCALE."""

FRONT_BIAS = 1.5
"""1 spreads the context evenly over the head; above, more densely over the face."""


class TransformerPredictor(QueryPredictor):
    """Self-attention over a fixed set of context queries, to which each asked query listens.

    C23 lets all asked queries attend to one another. An answer then depends on what else is asked, and on
    how a long list is cut up; and its cost grows with the square of their number, so that 50,000 queries
    are out of reach. Here the set is fixed: M context queries, spread over the canonical head, attend to
    one another; an asked query attends to the M of the same layer and to itself, never to another asked
    one. The answer to a query is hence a function of the image and of that query alone, whatever it is
    asked with and however the list is cut up (to the rounding of floats); the cost is linear in their
    number; and landmarks are still placed knowing of the others, as represented by the context. In the
    literature such points are known as inducing points.

    Tokens, of the context and asked alike, are [f; q] through the first layer, as in the MLP: the image
    descriptor enters each of them. Layers are pre-norm; both kinds of token share their weights.
    """

    context: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        self.register_buffer("context", context_queries(config.context))
        self.layers = nn.ModuleList(AttentionLayer(config.hidden) for _ in range(LAYERS))
        self.norm = nn.LayerNorm(config.hidden)
        self.output = output_layer(config.hidden)

    def decoder(self, descriptors: Tensor, encode: Encode) -> Decoder:
        """The context is computed once per image; asked queries then pass the layers beside it."""
        joined = self.join(descriptors)
        tokens = joined(encode(self.context))
        memories = []
        for layer in self._layers():
            tokens, memory = layer.share(tokens)
            memories.append(memory)

        def answer(queries: Tensor) -> Tensor:
            asked = joined(encode(queries))
            for layer, memory in zip(self._layers(), memories, strict=True):
                asked = layer.ask(asked, memory)
            return self.output(self.norm(asked))  # type: ignore[no-any-return]

        return answer

    def _layers(self) -> list[AttentionLayer]:
        return [layer for layer in self.layers if isinstance(layer, AttentionLayer)]

    def bytes_per_answer(self) -> int:
        """A layer's projections, and scores and weights of the attention."""
        width = self.output.in_features
        return FLOAT_BYTES * (8 * width + 5 * HEADS * (len(self.context) + 1))


class AttentionLayer(nn.Module):
    """Attention of 8 heads and a 2-layer MLP, each normalised before and added."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(width)
        self.project_in = nn.Linear(width, 3 * width)
        self.project_out = nn.Linear(width, width)
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, WIDENING * width), nn.GELU(), nn.Linear(WIDENING * width, width)
        )

    def share(self, tokens: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """The context (N, M, W) attends to itself; also its keys and values (N, 8, M, W / 8), for asking."""
        query, key, value = self._project(tokens)
        attended = functional.scaled_dot_product_attention(query, key, value)
        return self._finish(tokens, attended), (key, value)

    def ask(self, tokens: Tensor, memory: tuple[Tensor, Tensor]) -> Tensor:
        """Each token (N, L, W) attends to the context and to itself."""
        keys, values = memory
        query, own_key, own_value = self._project(tokens)
        query = query / math.sqrt(query.shape[-1])
        own = (query * own_key).sum(-1, keepdim=True)
        weights = torch.cat([query @ keys.transpose(-1, -2), own], dim=-1).softmax(-1)
        return self._finish(tokens, weights[..., :-1] @ values + weights[..., -1:] * own_value)

    def _project(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values (N, 8, L, W / 8) of the heads."""
        projected = self.project_in(self.norm_attention(tokens))
        query, key, value = projected.unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        return query, key, value

    def _finish(self, tokens: Tensor, attended: Tensor) -> Tensor:
        tokens = tokens + self.project_out(attended.transpose(1, 2).flatten(-2))
        return tokens + self.mlp(self.norm_mlp(tokens))  # type: ignore[no-any-return]


def context_queries(count: int) -> Tensor:
    """Queries (count, 3) on an ellipsoid about the canonical head, more densely over the face.

    A spiral from the front to the back (a Fibonacci lattice), the same for the same count.
    """
    along = (torch.arange(count) + 0.5) / count
    z = 1 - 2 * along**FRONT_BIAS
    radius = (1 - z.square()).sqrt()
    angle = math.pi * (1 + math.sqrt(5)) * torch.arange(count)
    sphere = torch.stack([radius * angle.cos(), radius * angle.sin(), z], dim=1)
    return torch.tensor(HEAD_MIDDLE) + torch.tensor(HEAD_RADII) * sphere
