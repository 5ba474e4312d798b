"""Builds networks from their libraries, untrained and for any number of classes.

torchvision's and timm's own builders make them, so that published weights fit. Nothing is downloaded here.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from aimic_tui.engine.errors import UsageProblem
from aimic_tui.engine.models.catalogue import find_network
from aimic_tui.engine.models.libraries import timm, torchvision_models
from aimic_tui.engine.text import one_line

# Weights of the auxiliary classifiers' losses, as published: Szegedy et al. 2014 (GoogLeNet, 0.3 for each of two),
# Szegedy et al. 2015 as trained in torchvision's references (Inception-v3, 0.4).
_AUXILIARY_WEIGHTS = {"GoogLeNet": 0.3, "Inception3": 0.4}
# The pooling of Inception-v3's auxiliary classifier is fixed; smaller images leave it no feature map.
_INCEPTION_AUXILIARY_SIZE = 299


def build_network(name: str, classes: int, image_size: int) -> nn.Module:
    """Build a network with new weights, drawn from torch's global generator.

    Args:
        name: in the catalogue, as `find_network` takes it.
        classes: number of outputs, at least 1.
        image_size: pixels a side, S below.

    Returns:
        A module in training mode; in evaluation mode it maps float [b, 3, S, S] to logits [b, classes].

    Raises:
        UsageProblem: an unknown name, or a size that the network can't take.
    """
    info = find_network(name)
    info.check_size(image_size)
    try:
        return construct(info.library, info.library_name, classes, image_size, info.input_size)
    except (RuntimeError, ValueError, TypeError, AssertionError) as error:
        raise UsageProblem(
            f"{info.name} can't be built for {classes} classes at {image_size} pixels: {one_line(str(error))}. "
            f"Set model.image_size={info.input_size}, or choose another network.",
            key="model.image_size",
        ) from error


def construct(library: str, name: str, classes: int, image_size: int, input_size: int) -> nn.Module:
    """Build what a library calls `name`; also used to make the catalogue's table, on which the checks rest."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries' old names and initialisations
        if library == "torchvision":
            return _from_torchvision(name, classes, image_size)
        return _from_timm(name, classes, image_size, input_size)


def _from_torchvision(name: str, classes: int, image_size: int) -> nn.Module:
    options: dict[str, Any] = {}
    if name in ("googlenet", "inception_v3"):
        options["init_weights"] = True
        # transform_input stays off: it turns ImageNet's normalisation into mean 0.5 and std 0.5, which the
        # catalogue has for these two.
        options["aux_logits"] = name == "googlenet" or image_size >= _INCEPTION_AUXILIARY_SIZE
    elif name.startswith("vit_"):
        options["image_size"] = image_size
    elif name.startswith("maxvit"):
        options["input_size"] = (image_size, image_size)
    return cast(nn.Module, torchvision_models().get_model(name, weights=None, num_classes=classes, **options))


def _from_timm(name: str, classes: int, image_size: int, input_size: int) -> nn.Module:
    library = timm()
    options: dict[str, Any] = {}
    config = library.get_pretrained_cfg(name, allow_unregistered=True)
    if image_size != input_size and getattr(config, "fixed_input_size", False):
        options["img_size"] = image_size
    return cast(nn.Module, library.create_model(name, pretrained=False, num_classes=classes, **options))


def training_outputs(
    network: nn.Module, images: Tensor, forward: Callable[[Tensor], Any] | None = None
) -> list[tuple[float, Tensor]]:
    """Run a forward pass for training and return each output with the weight of its loss.

    Args:
        network: in training mode.
        images: float [b, 3, S, S].
        forward: the network's own forward pass in another form (compiled), where there is one.

    Returns:
        (1.0, logits [b, classes]) first; then, for Inception-v3 and GoogLeNet, the auxiliary classifiers' logits
        with their published weights (0.4; 0.3 each), unless these are frozen.
    """
    outputs = (forward or network)(images)
    if isinstance(outputs, Tensor):
        return [(1.0, outputs)]
    weight = _AUXILIARY_WEIGHTS.get(type(network).__name__, 0.0)
    if not any(parameter.requires_grad for module in _auxiliary(network) for parameter in module.parameters()):
        weight = 0.0
    auxiliary = [(weight, output) for output in outputs[1:] if output is not None and weight > 0]
    return [(1.0, outputs[0]), *auxiliary]


def _auxiliary(network: nn.Module) -> list[nn.Module]:
    modules = (getattr(network, name, None) for name in ("aux1", "aux2", "AuxLogits"))
    return [module for module in modules if isinstance(module, nn.Module)]


def heads(network: nn.Module) -> list[nn.Module]:
    """Return the layers that turn features into logits: one, or several whose logits are averaged."""
    classifier = getattr(network, "get_classifier", None)
    if classifier is not None:  # timm
        return _flat(classifier())
    if type(network).__name__ == "SqueezeNet":  # pools after its classifying convolution
        return [cast(nn.Module, network.classifier)]
    auxiliary = {id(inner) for module in _auxiliary(network) for inner in module.modules()}
    linear: list[nn.Module] = [m for m in network.modules() if isinstance(m, nn.Linear) and id(m) not in auxiliary]
    return linear[-1:]


def _flat(found: Any) -> list[nn.Module]:
    if isinstance(found, (tuple, nn.ModuleList)):
        return [head for part in found for head in _flat(part)]
    return [found]


def head_parameters(network: nn.Module) -> list[nn.Parameter]:
    """Return the parameters of the classifier's last layer (weights and biases)."""
    return [parameter for head in heads(network) for parameter in head.parameters()]


def head_tensors(network: nn.Module) -> frozenset[str]:
    """Return the names, in the state dict, of every tensor that depends on the number of classes or belongs to the
    classifier's last layer; those of the auxiliary classifiers' last layers are among them."""
    modules = [*heads(network)]
    for auxiliary in _auxiliary(network):
        modules += [module for module in auxiliary.modules() if isinstance(module, nn.Linear)][-1:]
    ids = {id(module) for module in modules}
    return frozenset(
        f"{name}.{tensor}"
        for name, module in network.named_modules()
        if id(module) in ids
        for tensor in module.state_dict()
    )


def freeze_backbone(network: nn.Module) -> None:
    """Make only the classifier's last layer trainable. Call `set_training` before each epoch's steps."""
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    for parameter in head_parameters(network):
        parameter.requires_grad_(True)


def set_training(network: nn.Module) -> None:
    """Put a network into training mode, its frozen parts into evaluation mode.

    A frozen batch norm in training mode would go on moving its running mean and variance.
    """
    network.train()
    for module in network.modules():
        parameters = list(module.parameters())
        if parameters and not any(parameter.requires_grad for parameter in parameters):
            module.eval()


def features(network: nn.Module, images: Tensor) -> Tensor:
    """Return what enters the classifier's last layer.

    Args:
        network: in training or evaluation mode, as needed; in evaluation mode for features to store.
        images: float [b, 3, S, S].

    Returns:
        [b, ...], most often [b, d]; what `logits_from_features` takes. Those of several heads are concatenated.
    """
    found: dict[int, Tensor] = {}
    layers = heads(network)
    hooks = [
        layer.register_forward_pre_hook(lambda _, inputs, i=i: found.__setitem__(i, inputs[0]))
        for i, layer in enumerate(layers)
    ]
    try:
        network(images)
    finally:
        for hook in hooks:
            hook.remove()
    if found[0].dim() == 3 and _projects_tokens(network):
        return found[0][:, 0]
    return found[0] if len(layers) == 1 else torch.cat([found[i] for i in range(len(layers))], dim=1)


def _projects_tokens(network: nn.Module) -> bool:
    # Pooling by attention, as in CLIP: each token is projected to logits, and the first one's are taken.
    return any(type(module).__name__.endswith("AttentionPool2d") for module in network.modules())


def logits_from_features(network: nn.Module, inputs: Tensor) -> Tensor:
    """Return the logits [b, classes] of `features`, through the classifier's last layer alone.

    Equal to the whole network in evaluation mode; dropout that stands before the last layer is not applied.
    """
    layers = heads(network)
    if len(layers) == 1:
        return cast(Tensor, layers[0](inputs).flatten(1))
    parts = torch.split(inputs, [_width(layer) for layer in layers], dim=1)
    logits = torch.stack([layer(part) for layer, part in zip(layers, parts, strict=True)])
    shares = _shares(network, len(layers)).to(logits)
    return (shares.view(-1, 1, 1) * logits).sum(dim=0)


def _width(layer: nn.Module) -> int:
    return next(module.in_features for module in layer.modules() if isinstance(module, nn.Linear))


def _shares(network: nn.Module, count: int) -> Tensor:
    """Return [heads]: the weight of each head's logits in their mean; EfficientViM learns them."""
    learned = [getattr(network, name) for name in ("weights", "weights_dist") if hasattr(network, name)]
    if learned:
        return torch.cat([part.softmax(-1) for part in learned]) / len(learned)
    return torch.full((count,), 1 / count)
