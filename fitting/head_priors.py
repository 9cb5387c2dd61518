"""What a head model says of likely heads: the terms of the energy that its own shapes decide."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field

from torch import Tensor

from fitting.contact_pairs import contacts_of
from fitting.head_model import HeadModel
from fitting.identity_prior import GaussianPrior, IdentityPrior, identity_prior
from fitting.intersection import Contacts
from fitting.options import FitOptions


@dataclass(frozen=True, eq=False)
class HeadPriors:
    """The priors of a fit that come from its head model.

    Attributes:
        identity: E_identity.
        contacts: E_intersect; None where the term is off or the model has neither eyes nor teeth.
    """

    identity: IdentityPrior = field(default_factory=GaussianPrior)
    contacts: Contacts | None = None

    @classmethod
    def of(cls, model: HeadModel, options: FitOptions, like: Tensor) -> HeadPriors:
        """Those that the options ask for, on the device and in the dtype of `like`."""
        contacts = contacts_of(model) if options.weights.intersect > 0 else None
        return cls(
            identity_prior(options.identity_prior, model.identity_mixture, like),
            None if contacts is None else deepcopy(contacts).to(like),
        )
