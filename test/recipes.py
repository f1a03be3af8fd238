"""What the recipes of packages/site/pages/guides/recipes.md compute, by PyTorch 1.13, in float64: writes test/recipes.json.

Parameters and data begin with the values of `wave`, numbered in the order in which they are made, as in
test/recipes.test.ts.
"""

import json
import math
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

torch.set_default_dtype(torch.float64)
count = 0


def wave(shape, scale=1.0):
    global count
    size = math.prod(shape)
    values = [scale * math.sin(1 + 1.3 * count + 0.7 * j) for j in range(size)]
    count += 1
    return torch.tensor(values).reshape(shape)


def data(k, shape):
    """Data have numbers of their own."""
    return torch.tensor([math.sin(0.5 + 2.1 * k + 1.1 * j) for j in range(math.prod(shape))]).reshape(shape)


def labels(k, n, classes):
    return torch.tensor([(j * (k + 2) + k) % classes for j in range(n)])


def linear(inputs, outputs, bias=True):
    layer = nn.Linear(inputs, outputs, bias)
    layer.weight.data = wave((outputs, inputs), 0.5)
    if bias:
        layer.bias.data = wave((outputs,), 0.5)
    return layer


def begin():
    global count
    count = 0


def flat(*modules):
    return [x for m in modules for t in m.state_dict().values() for x in t.double().reshape(-1).tolist()]


made = {}
real = [data(k, (6, 2)) for k in range(6)]
samples = [(data(k, (6, 2)), labels(k, 6, 3)) for k in range(8)]
drawn = 0


def noise(n):
    global drawn
    drawn += 1
    return data(100 + drawn - 1, (n, 3))


def step(optimizer, loss, params):
    optimizer.zero_grad()
    for p, g in zip(params, torch.autograd.grad(loss, params)):
        p.grad = g
    optimizer.step()


def gan():
    global drawn
    begin()
    drawn = 0
    g = nn.Sequential(linear(3, 8), nn.ReLU(), linear(8, 2))
    d = nn.Sequential(linear(2, 8), nn.LeakyReLU(), linear(8, 1))
    og, od = (torch.optim.Adam(m.parameters(), lr=0.01) for m in (g, d))
    bce = F.binary_cross_entropy_with_logits
    for x in real:
        yes, no = torch.ones(6, 1), torch.zeros(6, 1)
        fake = g(noise(6)).detach()
        step(od, bce(d(x), yes) + bce(d(fake), no), list(d.parameters()))
        step(og, bce(d(g(noise(6))), yes), list(g.parameters()))
    made["Generative adversarial network"] = flat(g, d)


def wgan():
    global drawn
    begin()
    drawn = 0
    g = nn.Sequential(linear(3, 8), nn.ReLU(), linear(8, 2))
    d = nn.Sequential(linear(2, 8), nn.Tanh(), linear(8, 1))
    og, od = (torch.optim.Adam(m.parameters(), lr=0.01, betas=(0, 0.9)) for m in (g, d))
    for k in range(10):
        x = data(k, (6, 2))
        fake = g(noise(6)).detach()
        share = (data(200 + k, (6, 1)) + 1) / 2
        mixed = (share * x + (1 - share) * fake).requires_grad_()
        (slopes,) = torch.autograd.grad(d(mixed).sum(), mixed, create_graph=True)
        penalty = ((slopes.norm(dim=1) - 1) ** 2).mean()
        step(od, d(fake).mean() - d(x).mean() + 10 * penalty, list(d.parameters()))
        if k % 5 == 4:
            step(og, -d(g(noise(6))).mean(), list(g.parameters()))
    made["Wasserstein GAN with gradient penalty"] = flat(g, d)


def maml():
    begin()
    model = nn.Sequential(linear(1, 8), nn.Tanh(), linear(8, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    tasks = [[data(4 * k + i, (5, 1)) for i in range(4)] for k in range(3)]

    def f(v, x):
        return F.linear(torch.tanh(F.linear(x, v[0], v[1])), v[2], v[3])

    for _ in range(10):
        total = 0
        for x, y, x2, y2 in tasks:
            values = list(model.parameters())
            for _ in range(2):
                slopes = torch.autograd.grad(F.mse_loss(f(values, x), y), values, create_graph=True)
                values = [v - 0.1 * s for v, s in zip(values, slopes)]
            total = total + F.mse_loss(f(values, x2), y2)
        step(optimizer, total, list(model.parameters()))
    made["Model-agnostic meta-learning (MAML)"] = flat(model)


def backbone():
    part = nn.Sequential(linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), linear(8, 8))
    part.train()
    for x, _ in samples[:2]:
        part(x)
    return part


def transfer():
    begin()
    part = backbone()
    head = linear(8, 3)
    part.eval()

    def learn(optimizer, params):
        for x, y in samples:
            step(optimizer, F.cross_entropy(head(part(x)), y), params)

    learn(torch.optim.Adam(head.parameters(), lr=0.05), list(head.parameters()))
    both = list(part[3].parameters()) + list(head.parameters())
    groups = [{"params": part[3].parameters(), "lr": 0.001}, {"params": head.parameters(), "lr": 0.01}]
    learn(torch.optim.Adam(groups), both)
    made["Transfer learning"] = flat(part, head)


def dqn():
    begin()
    model = nn.Sequential(linear(4, 16), nn.ReLU(), linear(16, 2))
    target = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    target.load_state_dict(model.state_dict())
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for k in range(10):
        state, after, reward = data(3 * k, (6, 4)), data(3 * k + 1, (6, 4)), data(3 * k + 2, (6,))
        action, done = labels(k, 6, 2), (labels(k, 6, 3) == 0).double()
        with torch.no_grad():
            wanted = reward + 0.9 * target(after).max(1).values * (1 - done)
        values = model(state).gather(1, action[:, None])[:, 0]
        step(optimizer, F.huber_loss(values, wanted), list(model.parameters()))
        if k % 4 == 3:
            target.load_state_dict(model.state_dict())
    made["Deep Q-learning with a target network"] = flat(model, target)


def accumulation():
    begin()
    model = nn.Sequential(linear(2, 8), nn.ReLU(), linear(8, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for k, (x, y) in enumerate(samples):
        (F.cross_entropy(model(x), y) / 4).backward()
        if k % 4 == 3:
            optimizer.step()
            optimizer.zero_grad()
    made["Gradient accumulation"] = flat(model)


def averaged():
    begin()
    model = nn.Sequential(linear(2, 8, False), nn.BatchNorm1d(8), nn.ReLU(), linear(8, 3))
    matrices = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0}]
    optimizer = torch.optim.AdamW(groups, lr=0.01)
    average = {name: t.clone() for name, t in model.state_dict().items()}
    for x, y in samples:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        learned = dict(model.named_parameters())
        for name, t in model.state_dict().items():
            average[name] = 0.9 * average[name] + 0.1 * t if name in learned else t.clone()
    ends = flat(model)
    model.load_state_dict(average)
    model.eval()
    probabilities = model(data(50, (4, 2))).softmax(1).detach().reshape(-1).tolist()
    made["Weight decay for matrices only, and evaluation with averaged weights"] = ends + flat(model) + probabilities


def saliency():
    begin()
    model = nn.Sequential(backbone(), nn.Dropout(0.5), linear(8, 3))
    model.eval()
    x, y = data(50, (4, 2)).requires_grad_(), labels(1, 4, 3)
    (map_,) = torch.autograd.grad(model(x).max(1).values.sum(), x)
    (slopes,) = torch.autograd.grad(F.cross_entropy(model(x), y), x)
    adversarial = x + 0.1 * slopes.sign()
    loss = F.cross_entropy(model(adversarial), y)
    made["Saliency maps and adversarial examples"] = [
        *map_.abs().reshape(-1).tolist(),
        *adversarial.detach().reshape(-1).tolist(),
        loss.item(),
        *flat(model),
    ]


for recipe in (gan, wgan, maml, transfer, dqn, accumulation, averaged, saliency):
    recipe()
rounded = {name: [float(f"{x:.8g}") for x in values] for name, values in made.items()}
Path(__file__).with_suffix(".json").write_text(
    "{\n" + ",\n".join(f"  {json.dumps(name)}: {json.dumps(values)}" for name, values in rounded.items()) + "\n}\n"
)
