"""The policy of a run as one file, as a launch writes it (policy/bundle.h)."""
import hashlib

LAYERS = ("managed", "user", "project")


def bundle(root, **texts):
    """texts: a layer's (path, text)."""
    head = "root -\n" if root is None else "root %d\n%s\n" % (len(str(root).encode()), root)
    out = b"pando-policy 1\n" + head.encode()
    for layer in LAYERS:
        if layer in texts:
            path, text = (x if isinstance(x, bytes) else str(x).encode() for x in texts[layer])
            out += b"%s %d %d\n%s\n%s\n" % (layer.encode(), len(path), len(text), path, text)
    return out + b"end\n"


def save(folder, data):
    """(path, digest), for PANDO_POLICY and PANDO_POLICY_SHA256."""
    digest = hashlib.sha256(data).hexdigest()
    path = folder / ("policy-" + digest)
    path.write_bytes(data)
    return str(path), digest
