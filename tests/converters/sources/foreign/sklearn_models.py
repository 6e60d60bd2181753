"""Writes fitted scikit-learn models and rows for them into a folder; scikit-learn's Python runs it.

Each ``NAME.skops`` has a ``NAME.npz`` of inputs by name beside it.
"""

import operator
import sys
import zipfile
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import skops.io
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    ElasticNet,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

FOLDER = Path(sys.argv[1])
NAMES = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])


def write(name: str, model: object, **inputs: np.ndarray) -> None:
    """Write a model and its inputs."""
    skops.io.dump(model, FOLDER / f"{name}.skops")
    np.savez(FOLDER / f"{name}.npz", **inputs)  # type: ignore[arg-type]  # names, not options


def digits() -> None:
    """Write classifiers of the digits: fitted on the first 1,000, with all 1,797 as rows."""
    rows, labels = load_digits(return_X_y=True)
    models = {
        "logreg": make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
        "mlp": make_pipeline(
            StandardScaler(), PCA(30), MLPClassifier((32,), max_iter=100, random_state=0)
        ),
        "linear_svc": make_pipeline(StandardScaler(), LinearSVC()),
        "svc": make_pipeline(StandardScaler(), SVC(probability=True, random_state=0)),
        "forest": make_pipeline(StandardScaler(), RandomForestClassifier(30, random_state=0)),
        "boosting": GradientBoostingClassifier(n_estimators=5, random_state=0),
        "bayes": GaussianNB(),
        "voting": VotingClassifier(
            [("a", LogisticRegression(max_iter=300)), ("b", GaussianNB())], voting="soft"
        ),
    }
    for name, model in models.items():
        fitted = model.fit(rows[:1000], labels[:1000])
        write(name, fitted, features=rows.astype(np.float32))
    joblib.dump(models["logreg"], FOLDER / "logreg.joblib")
    for name in ("logreg", "mlp", "forest"):
        fitted = models[name].fit(rows[:500], NAMES[labels[:500]])
        write(f"{name}_names", fitted, features=rows[:300].astype(np.float32))


def thresholds() -> None:
    """Write trees with rows on, just below and just above their thresholds."""
    rows, labels = load_breast_cancer(return_X_y=True)
    scaler = StandardScaler().fit(rows)
    forest = RandomForestClassifier(20, max_depth=3, random_state=0)
    boosting = HistGradientBoostingClassifier(max_iter=10)
    write("forest_ties", forest.fit(rows, labels), features=near(rows, splits_of(forest)))
    write("histogram", boosting.fit(rows, labels), features=near(rows, splits_of(boosting)))
    for name, model in (("scaled_forest", forest), ("scaled_histogram", boosting)):
        pipeline = make_pipeline(StandardScaler(), model).fit(rows, labels)
        splits = [(f, t * scaler.scale_[f] + scaler.mean_[f]) for f, t in splits_of(model)]
        write(name, pipeline, features=near(rows, splits))
    rows, values = load_diabetes(return_X_y=True)
    regressor = HistGradientBoostingRegressor(max_iter=20).fit(rows, values)
    write("histogram_regressor", regressor, features=near(rows, splits_of(regressor)))
    write("ridge", make_pipeline(StandardScaler(), Ridge()).fit(rows, values), features=f32(rows))


def splits_of(model: object) -> list[tuple[int, float]]:
    """Return feature and threshold of each split of a forest or of histogram boosting."""
    if hasattr(model, "estimators_"):
        trees = [tree.tree_ for tree in model.estimators_]
        inner = [tree.children_left != -1 for tree in trees]
        return [
            split
            for tree, kept in zip(trees, inner, strict=True)
            for split in zip(tree.feature[kept], tree.threshold[kept], strict=True)
        ]
    nodes = np.concatenate([t.nodes for trees in model._predictors for t in trees])  # type: ignore[attr-defined]
    nodes = nodes[nodes["is_leaf"] == 0]
    return list(zip(nodes["feature_idx"], nodes["num_threshold"], strict=True))


def near(rows: np.ndarray, splits: list[tuple[int, float]]) -> np.ndarray:
    """Return the rows, and rows with one value on a threshold, or a float32 below or above it."""
    chosen = np.random.default_rng(0).integers(0, len(rows), len(splits))
    copies = [f32(rows)]
    for towards in (None, -np.inf, np.inf):
        copy = f32(rows[chosen])
        for row, (feature, threshold) in zip(copy, splits, strict=True):
            value = np.float32(threshold)
            row[feature] = value if towards is None else np.nextafter(value, np.float32(towards))
        copies.append(copy)
    return np.concatenate(copies)


def f32(rows: np.ndarray) -> np.ndarray:
    """Return rows as an artifact takes them."""
    return rows.astype(np.float32)


def frames() -> None:
    """Write models that know columns by name, and models of text."""
    frame = load_diabetes(as_frame=True).data[["age", "bmi", "bp"]]
    frame["bmi"] = frame["bmi"].where(frame["bmi"] > -0.05)
    above = (frame["age"] > 0).astype(int)
    steps = ColumnTransformer(
        [("a", make_pipeline(SimpleImputer(), StandardScaler()), ["bmi", "age"])]
    )
    columns = {name: f32(frame[[name]].to_numpy()) for name in ("age", "bmi")}
    write("frame", make_pipeline(steps, LogisticRegression()).fit(frame, above), **columns)
    write("plain_frame", LogisticRegression().fit(frame[["age"]], above), features=columns["age"])
    colours = pd.DataFrame({"colour": ["red", "blue"] * 5})
    encoded = make_pipeline(OneHotEncoder(), LogisticRegression())
    write("text_column", encoded.fit(colours, [0, 1] * 5))
    documents = ["good film", "bad film"] * 3
    write("documents", make_pipeline(CountVectorizer(), MultinomialNB()).fit(documents, [1, 0] * 3))


def tables() -> None:
    """Write models of tables of many kinds, with holes for those that take them."""
    rows, labels = load_breast_cancer(return_X_y=True)
    holes = rows.copy()
    holes[np.random.default_rng(0).random(rows.shape) < 0.1] = np.nan
    classifiers = {
        "tree": DecisionTreeClassifier(random_state=0),
        "extra_trees": ExtraTreesClassifier(20, random_state=0),
        "boosting_two": GradientBoostingClassifier(n_estimators=10, random_state=0),
        "adaboost": AdaBoostClassifier(n_estimators=5, random_state=0),
        "bagging": BaggingClassifier(DecisionTreeClassifier(max_depth=4), 5, random_state=0),
        "stacking": StackingClassifier([("a", GaussianNB()), ("b", DecisionTreeClassifier())]),
        "sgd": SGDClassifier(random_state=0),
        "svc_scaled": make_pipeline(MinMaxScaler(), LinearSVC()),
        "bernoulli": make_pipeline(StandardScaler(), BernoulliNB()),
        "complement": ComplementNB(),
        "normalized": make_pipeline(Normalizer(), LogisticRegression()),
        "ridge_classes": RidgeClassifier(),
        "tanh": make_pipeline(RobustScaler(), MLPClassifier((8,), "tanh", max_iter=50)),
        "outliers": IsolationForest(n_estimators=10, random_state=0),
        "clusters": make_pipeline(StandardScaler(), KMeans(4, n_init=1, random_state=0)),
    }
    for name, model in classifiers.items():
        write(name, model.fit(rows, labels), features=f32(rows))
    holed = {
        "histogram_holes": HistGradientBoostingClassifier(max_iter=10),
        "tree_holes": DecisionTreeClassifier(random_state=0),
        "forest_holes": RandomForestClassifier(10, random_state=0),
        "imputed": make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()),
        "imputed_forest": make_pipeline(SimpleImputer(), RandomForestClassifier(5)),
    }
    for name, model in holed.items():
        write(name, model.fit(holes, labels), features=f32(holes))
    rows, values = load_diabetes(return_X_y=True)
    regressors = {
        "tree_regressor": DecisionTreeRegressor(random_state=0),
        "forest_regressor": RandomForestRegressor(10, random_state=0),
        "boosting_regressor": GradientBoostingRegressor(n_estimators=10, random_state=0),
        "elastic_net": ElasticNet(0.01),
        "mlp_regressor": make_pipeline(
            StandardScaler(), MLPRegressor(hidden_layer_sizes=(8,), max_iter=50)
        ),
        "power": make_pipeline(PowerTransformer(), Ridge()),
    }
    for name, model in regressors.items():
        write(name, model.fit(rows, values), features=f32(rows))
    random = np.random.default_rng(0)
    rows = np.column_stack([random.integers(0, 5, 200), random.normal(size=200).round(1)])
    odd = (rows[:, 0] % 2 == 1) & (rows[:, 1] > 0)
    ordinal = make_pipeline(OrdinalEncoder(), DecisionTreeClassifier())
    write("ordinal", ordinal.fit(rows.round(), odd), features=f32(rows.round()))


def faults() -> None:
    """Write what is to be refused."""
    negated = make_pipeline(FunctionTransformer(operator.neg), Ridge())
    write("function", negated.fit(np.ones((2, 1)), [1.0, 2.0]))
    write("unfitted", Ridge())
    write("no_model", {"weights": np.ones(3)})
    rows = np.array([[0], [1], [2], [3]] * 20)
    categories = HistGradientBoostingClassifier(categorical_features=[0], min_samples_leaf=2)
    joblib.dump(categories.fit(rows, [0, 1, 0, 1] * 20), FOLDER / "categories.joblib")
    forest = RandomForestClassifier(2, random_state=0).fit(rows, [0, 1, 0, 1] * 20)
    state = forest.estimators_[0].tree_.__getstate__()
    state["nodes"]["left_child"][0] = 10_000
    forest.estimators_[0].tree_.__setstate__(state)
    write("wild_tree", forest)
    whole = (FOLDER / "ridge.skops").read_bytes()
    (FOLDER / "cut.skops").write_bytes(whole[: len(whole) // 2])
    (FOLDER / "text.skops").write_text("no model")
    with zipfile.ZipFile(FOLDER / "empty.skops", "w"):
        pass


digits()
thresholds()
frames()
tables()
faults()
