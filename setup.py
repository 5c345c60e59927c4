"""The two extensions of the Cargo workspace; everything else is in setup.cfg."""

import sys
import sysconfig

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools_rust import Binding, RustExtension


def extension(name, path, binding, **keywords):
    return RustExtension(
        name,
        path=path,
        binding=binding,
        # Builds with the versions in Cargo.lock, as tested.
        args=["--locked"],
        # An editable install is optimised too; SETUPTOOLS_RUST_CARGO_PROFILE chooses otherwise.
        debug=False,
        **keywords,
    )


class BdistWheel(bdist_wheel):
    """setup.cfg's stable ABI; CPython without a GIL has none in 3.14, its own from 3.15 on."""

    def finalize_options(self):
        if sysconfig.get_config_var("Py_GIL_DISABLED"):
            self.py_limited_api = "cp315" if sys.version_info >= (3, 15) else False
            if self.py_limited_api:
                native, _ = self.distribution.rust_extensions
                native.features = (*native.features, "pyo3/abi3t-py315")
        super().finalize_options()


setup(
    cmdclass={"bdist_wheel": BdistWheel},
    rust_extensions=[
        # The oldest Rust on one only: without Rust, setuptools-rust 1.13 fails to compare two.
        extension(
            "mypackage._native",
            "bindings/python/Cargo.toml",
            Binding.PyO3,
            rust_version=">=1.89",
        ),
        extension("mypackage._capi", "bindings/capi/Cargo.toml", Binding.NoBinding),
    ],
)
