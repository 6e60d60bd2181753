"""Frozen dataclasses that are made at once, and become whole ones when somebody asks for that.

``dataclasses`` writes and compiles five functions for each class. For the classes of a loaded
bundle that takes a tenth of a program's start on a board; here all classes share their functions.
"""

# ruff: noqa: ANN401 - these are for every class and every value

from typing import TYPE_CHECKING, Any, Callable, ClassVar, NoReturn

__all__ = ["asdict", "dataclass", "field", "replace"]


class _Default:
    """A default that is made anew for each value."""

    def __init__(self, default_factory: Callable[[], Any]) -> None:
        self.default_factory = default_factory


if TYPE_CHECKING:
    from dataclasses import asdict, dataclass, field, replace
else:
    field = _Default

    def dataclass(*, frozen: bool) -> Callable[[type], type]:
        """Return what gives a class its members; *frozen* must be true."""
        assert frozen

        def complete(cls: type) -> type:
            kinds = cls.__annotations__.items()
            names = [name for name, kind in kinds if getattr(kind, "__origin__", 0) is not ClassVar]
            cls.__match_args__ = tuple(names)
            for name, member in _MEMBERS.items():
                if cls.__dict__.get(name) is None:
                    setattr(cls, name, member)
            return cls

        return complete

    def replace(value: Any, **changes: Any) -> Any:
        """Return a value with some fields changed."""
        cls = type(value)
        return cls(**{**dict(zip(cls.__match_args__, _values(value))), **changes})

    def asdict(value: Any) -> Any:
        """Return the fields of a value by name, and of the values in it."""
        if "__dataclass_fields__" in vars(type(value)):
            return dict(zip(value.__match_args__, map(asdict, _values(value))))
        if isinstance(value, (list, tuple)):
            return type(value)(map(asdict, value))
        if isinstance(value, dict):
            return {key: asdict(entry) for key, entry in value.items()}
        return value


def _init(self: Any, *given: Any, **named: Any) -> None:
    names = self.__match_args__
    if not named and len(given) == len(names):
        self.__dict__.update(zip(names, given))
        return
    cls, state = type(self), self.__dict__
    if len(given) > len(names) or not named.keys() <= set(names[len(given) :]):
        raise TypeError(f"{cls.__name__} has the fields {names}, and not {(*given, *named)}")
    named.update(zip(names, given))
    for name in names:
        value = named[name] if name in named else cls.__dict__.get(name, cls)
        if value is cls:
            raise TypeError(f"{cls.__name__} needs '{name}'")
        state[name] = value.default_factory() if isinstance(value, _Default) else value


def _values(self: Any) -> tuple[Any, ...]:
    state = self.__dict__
    return tuple([state[name] for name in type(self).__match_args__])


def _repr(self: Any) -> str:
    fields = zip(type(self).__match_args__, _values(self))
    return f"{type(self).__qualname__}({', '.join(f'{name}={value!r}' for name, value in fields)})"


def _equal(self: Any, other: object) -> bool:
    return _values(self) == _values(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_values(self))


def _refuse(self: Any, name: str, *_: object) -> NoReturn:
    raise AttributeError(f"{type(self).__name__}.{name} cannot be changed")


class _Fields:
    """Stands for the fields until ``dataclasses`` itself looks at them."""

    def __get__(self, _: object, cls: Any) -> Any:
        import dataclasses  # noqa: PLC0415 - as the module says

        for name, member in _MEMBERS.items():
            if cls.__dict__.get(name) is member:
                delattr(cls, name)
        for name, value in list(vars(cls).items()):
            if isinstance(value, _Default):
                setattr(cls, name, dataclasses.field(default_factory=value.default_factory))
        return dataclasses.dataclass(frozen=True)(cls).__dataclass_fields__


_MEMBERS = {
    "__init__": _init,
    "__repr__": _repr,
    "__eq__": _equal,
    "__hash__": _hash,
    "__setattr__": _refuse,
    "__delattr__": _refuse,
    "__dataclass_fields__": _Fields(),
}
