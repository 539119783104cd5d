"""The schemes that ship with fpframe: fingerprint methods as data."""

from __future__ import annotations

import fpframe
from fpframe import ComponentSpec, Part, Scheme

_NEIGHBOURS = ComponentSpec("kmeans-neighbours")
_ERRORS = Part(augmenter=ComponentSpec("misclassified"), perturbation=ComponentSpec("none"), pair=False)

#: The Adversarial Robustness Toolbox's, by its defaults, but for the share of images that are to be fooled.
_RELEASED_UAP = ComponentSpec(
    "uap-deepfool", {"target": 0.7, "passes": 20, "batch_size": 1, "steps": 100, "overshoot": 1e-6}
)
_RELEASED_ENCODER = ComponentSpec(
    "contrastive",
    {
        "features": "probs",
        "hidden": 50,
        "embedding": 20,
        "last_relu": True,
        "loss": "log-of-sum",
        "temperature": 0.2,
        "victim_alone": True,
        "steps": 10,
        "batch_size": 512,
        "learning_rate": 5e-4,
        "weight_decay": 0.0,
        "against_first_view": True,
    },
)

#: As in ModelDiff's release: 50 steps of 0.01 in a ball of 0.06, from a random start. There the logits of each image
#: are driven towards the mean of all and far beyond it, for answers that differ from image to image; here away from its
#: label. One view: the vector is as long as there are points.
_RELEASED_PAIRS = Part(
    augmenter=ComponentSpec("random"),
    perturbation=ComponentSpec("pgd", {"epsilon": 0.06, "steps": 50, "step_size": 1 / 6}),
    views=1,
)


def _at_random(perturbation: str) -> Part:
    # one view: a label is all that is compared, and each point is perturbed by itself, which takes its time
    return Part(augmenter=ComponentSpec("random"), perturbation=ComponentSpec(perturbation), pair=False, views=1)


def _adversarial_seeds(*, pair: bool) -> Part:
    # bound and steps of the example in DeepJudge's release, which takes steps of 0.03 and forgets the bound
    perturbation = ComponentSpec("pgd", {"epsilon": 0.03, "steps": 10, "step_size": 0.25})
    return Part(augmenter=ComponentSpec("most-certain"), perturbation=perturbation, pair=pair, views=1)


def _discriminative(points: int | None = None) -> Part:
    # one view: what is learnt belongs to the single query, and another view would spend images that tell less
    chosen = ComponentSpec("discriminative")
    return Part(augmenter=chosen, perturbation=ComponentSpec("none"), pair=False, points=points, views=1)


@fpframe.hookimpl
def fpframe_schemes() -> list[Scheme]:
    """Offer the schemes."""
    return [
        Scheme(
            name="uap-contrastive",
            summary="universal perturbation and contrastive encoder (Peng et al., CVPR 2022)",
            parts=(Part(augmenter=_NEIGHBOURS, perturbation=ComponentSpec("uap")),),
            encoder=ComponentSpec("contrastive"),
        ),
        Scheme(
            name="uap-released",
            summary="the same method with the settings of its first author's public release (2023)",
            parts=(Part(augmenter=_NEIGHBOURS, perturbation=_RELEASED_UAP),),
            encoder=_RELEASED_ENCODER,
        ),
        Scheme(
            name="uap-autoencoder",
            summary="the same queries, encoder fitted without knowing who is derived (the paper's ablation)",
            parts=(Part(augmenter=_NEIGHBOURS, perturbation=ComponentSpec("uap")),),
            encoder=ComponentSpec("autoencoder"),
        ),
        Scheme(
            name="lap-contrastive",
            summary="local perturbations in place of the universal one, same encoder (the paper's contrast)",
            # with the paper's overshoot of 0.02 almost no point fools the victim once it is an 8-bit image
            parts=(Part(augmenter=_NEIGHBOURS, perturbation=ComponentSpec("deepfool", {"overshoot": 1.0})),),
            encoder=ComponentSpec("contrastive"),
        ),
        Scheme(
            name="random-sign",
            summary="control: random signs of the same size in place of the universal perturbation",
            parts=(Part(augmenter=_NEIGHBOURS, perturbation=ComponentSpec("random-sign")),),
            encoder=ComponentSpec("contrastive"),
        ),
        Scheme(
            name="akh",
            summary="baseline: the victim's labels on images that it gets wrong (AKH of Godinot et al., AAAI 2025)",
            parts=(_ERRORS,),
            encoder=ComponentSpec("labels"),
        ),
        Scheme(
            name="sac",
            summary="which images that the victim gets wrong are answered alike (SAC-w of Guan et al., NeurIPS 2022)",
            parts=(_ERRORS,),
            encoder=ComponentSpec("correlation"),
        ),
        Scheme(
            name="ipguard",
            summary="the victim's labels on points moved next to its decision boundary (Cao et al., AsiaCCS 2021)",
            parts=(_at_random("boundary"),),
            encoder=ComponentSpec("labels"),
        ),
        Scheme(
            name="conferrable",
            summary="labels that derived models share and independent ones do not (Lukas et al., ICLR 2021)",
            parts=(_at_random("conferrable"),),
            encoder=ComponentSpec("labels"),
        ),
        Scheme(
            name="modeldiff",
            summary="by how much each point's answer changes when it is perturbed (ModelDiff of Li et al., ISSTA 2021)",
            parts=(_RELEASED_PAIRS,),
            encoder=ComponentSpec("decision-distance"),
        ),
        Scheme(
            name="deepjudge-jsd",
            summary="how near the answers to adversarial images are (JSD of DeepJudge, Chen et al., S&P 2022)",
            parts=(_adversarial_seeds(pair=False),),
            encoder=ComponentSpec("jensen-shannon"),
        ),
        Scheme(
            name="deepjudge-robd",
            summary="how often adversarial images of the victim fool a model too (RobD of DeepJudge)",
            parts=(_adversarial_seeds(pair=True),),
            encoder=ComponentSpec("robustness"),
        ),
        Scheme(
            name="adv-tra",
            summary="the victim's labels on trajectories into other classes (ADV-TRA of Xu et al., NeurIPS 2024)",
            # one view: each trajectory is sought by itself. The paper accuses by the share of trajectories of which
            # most labels are the victim's; here the share of labels is the score
            parts=(
                Part(augmenter=ComponentSpec("trajectories"), perturbation=ComponentSpec("none"), pair=False, views=1),
            ),
            encoder=ComponentSpec("labels"),
        ),
        Scheme(
            name="metav",
            summary="images and a verifier trained together on models of both kinds (MetaV of Pan et al., KDD 2022)",
            # one view: all points are one input of the verifier, and each view would have to be trained by itself
            parts=(
                Part(augmenter=ComponentSpec("meta-trained"), perturbation=ComponentSpec("none"), pair=False, views=1),
            ),
            encoder=ComponentSpec("meta-verifier"),
        ),
        Scheme(
            name="dataset-inference",
            summary="after how many random steps the label changes (blind walks of Maini et al., ICLR 2021)",
            # 280 points are ten images with their walks; fewer than one image's would be no walk at all
            parts=(
                Part(
                    augmenter=ComponentSpec("blind-walks"),
                    perturbation=ComponentSpec("none"),
                    pair=False,
                    points=280,
                    views=1,
                ),
            ),
            encoder=ComponentSpec("walk-distances"),
        ),
        Scheme(
            name="fit-print",
            summary="which answers change, as bits of a committed seed say (after FIT-Print of Shao et al., 2025)",
            # one view: the bits are those of single images
            parts=(
                Part(
                    augmenter=ComponentSpec("random"), perturbation=ComponentSpec("targeted-bits"), pair=True, views=1
                ),
            ),
            encoder=ComponentSpec("distance-bits"),
        ),
        Scheme(
            name="anafp",
            summary="labels past the boundary, as far as thieves alone follow (after AnaFP of Yang et al., ICLR 2026)",
            # one view: a label is all that is compared
            parts=(
                Part(
                    augmenter=ComponentSpec("most-certain"),
                    perturbation=ComponentSpec("stretched"),
                    pair=False,
                    views=1,
                ),
            ),
            encoder=ComponentSpec("labels"),
        ),
        Scheme(
            name="residual",
            summary="images chosen to tell thieves from others, compared by what models do not share (fpframe's own)",
            parts=(_discriminative(),),
            encoder=ComponentSpec("residual"),
        ),
        Scheme(
            name="residual-300",
            summary="the same with 300 images whatever the recipe says, as many as told best where it was chosen",
            parts=(_discriminative(points=300),),
            encoder=ComponentSpec("residual"),
        ),
        Scheme(
            name="residual-tuned",
            summary="for fine-tunes of a public model: the victim's own in all its probabilities (fpframe's own)",
            parts=(
                Part(
                    augmenter=ComponentSpec("low-margin"),
                    perturbation=ComponentSpec("none"),
                    pair=False,
                    points=600,
                    views=1,
                ),
            ),
            encoder=ComponentSpec("matrix-residual", {"directions": 400}),
        ),
    ]
