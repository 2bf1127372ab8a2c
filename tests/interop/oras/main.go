// Program oras drives oras-go, the library behind the oras command, on image layouts: the command itself cannot be
// installed by "go install".
package main

import (
	"archive/tar"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/content/file"
	"oras.land/oras-go/v2/content/oci"
	"oras.land/oras-go/v2/registry"
)

func main() {
	if len(os.Args) < 4 {
		fmt.Println("usage: oras backup|tags|resolve|push|pull|copy|tag|attach|referrers PLACE REF [ARG...]")
		return
	}
	if err := run(context.Background(), os.Args[1], os.Args[2], os.Args[3], os.Args[4:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, verb, place, ref string, args []string) error {
	store, err := oci.NewWithContext(ctx, place)
	if err != nil {
		return err
	}
	switch verb {
	case "tags":
		tags, err := registry.Tags(ctx, store)
		return show(tags, err)
	case "resolve":
		return show(store.Resolve(ctx, ref))
	case "tag":
		return show(oras.Tag(ctx, store, ref, args[0]))
	case "copy":
		target, err := oci.NewWithContext(ctx, args[0])
		if err != nil {
			return err
		}
		return show(oras.ExtendedCopy(ctx, store, ref, target, ref, oras.DefaultExtendedCopyOptions))
	case "backup":
		return backup(ctx, store, ref, args[0])
	case "push":
		return push(ctx, store, ref, args)
	case "pull":
		files, err := file.New(args[0])
		if err != nil {
			return err
		}
		defer files.Close()
		return show(oras.Copy(ctx, store, ref, files, ref, oras.DefaultCopyOptions))
	case "attach":
		subject, err := store.Resolve(ctx, ref)
		if err != nil {
			return err
		}
		options := oras.PackManifestOptions{Subject: &subject}
		return show(oras.PackManifest(ctx, store, oras.PackManifestVersion1_1, args[0], options))
	case "referrers":
		subject, err := store.Resolve(ctx, ref)
		if err != nil {
			return err
		}
		return show(registry.Referrers(ctx, store, subject, ""))
	}
	return fmt.Errorf("unknown verb %q", verb)
}

func push(ctx context.Context, store content.Storage, ref string, names []string) error {
	folder, err := os.Getwd()
	if err != nil {
		return err
	}
	files, err := file.New(folder)
	if err != nil {
		return err
	}
	defer files.Close()
	var layers []v1.Descriptor
	for _, name := range names {
		layer, err := files.Add(ctx, filepath.Base(name), "text/plain", name)
		if err != nil {
			return err
		}
		layers = append(layers, layer)
	}
	options := oras.PackManifestOptions{Layers: layers}
	root, err := oras.PackManifest(ctx, files, oras.PackManifestVersion1_1, "application/vnd.test", options)
	if err != nil {
		return err
	}
	if err := files.Tag(ctx, root, ref); err != nil {
		return err
	}
	return show(oras.Copy(ctx, files, ref, store.(oras.Target), ref, oras.DefaultCopyOptions))
}

// backup writes an image and its referrers as an archive, as `oras backup --output X.tar` does.
func backup(ctx context.Context, store oras.ReadOnlyGraphTarget, ref, path string) error {
	folder, err := os.MkdirTemp("", "oras-backup-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	target, err := oci.NewWithContext(ctx, folder)
	if err != nil {
		return err
	}
	if _, err := oras.ExtendedCopy(ctx, store, ref, target, ref, oras.DefaultExtendedCopyOptions); err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(file)
	if err := archive.AddFS(os.DirFS(folder)); err != nil {
		return err
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return file.Close()
}

func show(value any, err ...error) error {
	if len(err) > 0 && err[0] != nil {
		return err[0]
	}
	if failed, ok := value.(error); ok {
		return failed
	}
	return json.NewEncoder(os.Stdout).Encode(value)
}
