"""From a query to where it is on the map of local features: C23's predictor, with somewhere to look.

C23 answers from the descriptor alone. Here descriptor and query say, by a key, what the landmark looks like;
the cells of the map that match it say where it is (a soft argmax, as Sun et al. 2018, Integral Human Pose
Regression), and a few layers make the last step and judge the certainty, for landmarks that are hidden or
outside the crop too.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from detector.network_config import NetworkConfig
from detector.query_predictor import FLOAT_BYTES, Decoder, Encode, QueryPredictor, output_layer


class AttentionPredictor(QueryPredictor):
    """Joins descriptor and query, looks at the map with them, and answers from what it sees.

    Args:
        config: the network's.
        side: G, cells along a side of the map.
    """

    cells: Tensor

    def __init__(self, config: NetworkConfig, side: int) -> None:
        super().__init__(config)
        hidden, width = config.hidden, config.map_channels
        self.descriptor, self.width = config.descriptor, width
        self.layers = nn.Sequential(nn.GELU(), nn.Linear(hidden, hidden), nn.GELU())
        self.key = nn.Linear(hidden, width)
        self.answer = nn.Sequential(
            nn.Linear(hidden + width + 2, hidden),
            nn.GELU(),
            nn.Linear(hidden, hidden // 2),
            nn.GELU(),
            output_layer(hidden // 2),
        )
        centres = (torch.arange(side) + 0.5) * 2 / side - 1
        y, x = torch.meshgrid(centres, centres, indexing="ij")
        self.register_buffer("cells", torch.stack([x, y], dim=-1).flatten(0, 1), persistent=False)

    def decoder(self, descriptors: Tensor, encode: Encode) -> Decoder:
        """Each query is answered by itself; descriptors (N, d + C G G) end in the flattened map."""
        joined = self.join(descriptors[:, : self.descriptor])
        local = descriptors[:, self.descriptor :].reshape(len(descriptors), self.width, -1)

        def answer(queries: Tensor) -> Tensor:
            wanted = self.layers(joined(encode(queries)))
            match = torch.softmax(self.key(wanted) @ local / self.width**0.5, dim=-1)
            place = match @ self.cells
            output: Tensor = self.answer(torch.cat([wanted, match @ local.mT, place], dim=-1))
            return torch.cat([place + output[..., :2], output[..., 2:]], dim=-1)

        return answer

    def bytes_per_answer(self) -> int:
        """The match with every cell, what is seen there, and a layer's input and output."""
        return (3 * len(self.cells) + 2 * self.width + 8 * self.key.in_features) * FLOAT_BYTES
