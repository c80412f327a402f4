"""Plain training, which ours is compared with: the way the group's published code, and many another, trains.

Features of every clip computed once and kept in a data set; a data loader without workers; float32, in PyTorch's
default order of memory; mix-up; a network of PyTorch's own layers called one by one; Adam as it comes; the loss read
after every step. Network, recipe and arithmetic are the same as ours, so that the same weights and batch give the same
loss; nothing is slower than it has to be in this way of working.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from repro.experiment import Experiment, ModelConfig, Recipe
from repro.network.cp_resnet import BlockSpec, build, table_1
from repro.training.inputs import Inputs
from repro.training.loop import Streams, learning_rate


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1, padding: int = 0) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding, bias=False)


class PlainBlock(nn.Module):
    """One residual block of Table 1."""

    def __init__(self, spec: BlockSpec) -> None:
        super().__init__()
        self.conv1 = _conv(spec.inputs, spec.outputs, spec.kernel1, padding=spec.kernel1 // 2)
        self.bn1 = nn.BatchNorm2d(spec.outputs)
        self.conv2 = _conv(spec.outputs, spec.outputs, spec.kernel2, padding=spec.kernel2 // 2)
        self.bn2 = nn.BatchNorm2d(spec.outputs)
        self.shortcut = nn.Sequential()
        if spec.inputs != spec.outputs:
            self.shortcut = nn.Sequential(_conv(spec.inputs, spec.outputs, 1), nn.BatchNorm2d(spec.outputs))
        self.pool = nn.MaxPool2d(2) if spec.pool else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(clips, in, frequency, time) to (clips, out, frequency, time), both halved by pooling."""
        y = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        y += self.shortcut(x)
        pooled: Tensor = self.pool(functional.relu(y, inplace=True))
        return pooled


class PlainCPResNet(nn.Module):
    """The base network of Table 1; its state has the names of `repro.network.cp_resnet.CPResNet`'s."""

    def __init__(self, config: ModelConfig, classes: int) -> None:
        super().__init__()
        specs = table_1(config.width, config.depth, config.pointwise)
        self.input = nn.Sequential(
            _conv(1, config.width, 5, stride=2, padding=1), nn.BatchNorm2d(config.width), nn.ReLU(inplace=True)
        )
        self.blocks = nn.Sequential(*[PlainBlock(spec) for spec in specs])
        self.classifier = nn.Sequential(_conv(specs[-1].outputs, classes, 1), nn.BatchNorm2d(classes))

    def forward(self, x: Tensor) -> Tensor:
        """Class scores: (clips, 1, 256, frames) to (clips, classes)."""
        return functional.adaptive_avg_pool2d(self.classifier(self.blocks(self.input(x))), 1).flatten(1)


class CachedFeatures(Dataset[tuple[Tensor, Tensor]]):
    """Standardised features and label of every training clip, rolled over time by a random number of frames."""

    def __init__(self, inputs: Inputs, recipe: Recipe) -> None:
        self._features = torch.cat(list(inputs.training_batches())).cpu()
        self._labels = inputs.labels[inputs.split.train].cpu()
        self._rolled = recipe.roll != "off"

    def __len__(self) -> int:
        return len(self._features)

    def __getitem__(self, place: int) -> tuple[Tensor, Tensor]:
        """The features (1, 256, frames) and the label of one clip."""
        features = self._features[place]
        if self._rolled:
            features = features.roll(int(np.random.randint(features.shape[2])), dims=2)  # noqa: NPY002
        return features, self._labels[place]


class PlainTraining:
    """A plain training in progress, of a base network without sparsification."""

    def __init__(self, experiment: Experiment, inputs: Inputs) -> None:
        classes = len(inputs.clips.scenes)
        self._recipe, self._device, self._epoch = experiment.recipe, inputs.device, 0
        network = build(experiment.model, Streams(experiment.seed).initialisation, classes)
        self._network = PlainCPResNet(experiment.model, classes)
        self._network.load_state_dict(network.state_dict())
        self._network.to(self._device)
        self._optimizer = torch.optim.Adam(self._network.parameters())
        self._loader = DataLoader(CachedFeatures(inputs, experiment.recipe), self._recipe.batch_size, shuffle=True)

    def run_epoch(self) -> float:
        """Train one epoch; the mean loss of its steps."""
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(self._epoch, self._recipe)
        losses = [self._step(features.to(self._device), labels.to(self._device)) for features, labels in self._loader]
        self._epoch += 1
        return sum(losses) / len(losses)

    def _step(self, features: Tensor, labels: Tensor) -> float:
        alpha, partner = self._recipe.mixup_alpha, torch.randperm(len(features))
        share = torch.ones(len(features))
        if alpha > 0:
            drawn = np.random.beta(alpha, alpha, len(features))  # noqa: NPY002
            share = torch.from_numpy(np.maximum(drawn, 1 - drawn).astype(np.float32))
        loss = plain_loss(self._network, features, labels, share.to(self._device), partner.to(self._device))
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        return loss.item()


def plain_loss(network: nn.Module, features: Tensor, labels: Tensor, share: Tensor, partner: Tensor) -> Tensor:
    """The mean loss of a batch, each clip blended with its partner by its share: a scalar."""
    blend = share.view(-1, 1, 1, 1)
    scores = network(features * blend + features[partner] * (1 - blend))
    own = functional.cross_entropy(scores, labels, reduction="none")
    other = functional.cross_entropy(scores, labels[partner], reduction="none")
    return (share * own + (1 - share) * other).mean()
