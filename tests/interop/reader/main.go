// Prints the last index.json of each archive named, as Go's reader finds it.
package main

import (
	"archive/tar"
	"fmt"
	"io"
	"os"
)

func main() {
	for _, path := range os.Args[1:] {
		file, err := os.Open(path)
		check(path, err)
		reader := tar.NewReader(file)
		index := ""
		for {
			header, err := reader.Next()
			if err == io.EOF {
				break
			}
			check(path, err)
			body, err := io.ReadAll(reader)
			check(path, err)
			if header.Name == "index.json" {
				index = string(body)
			}
		}
		fmt.Println(index)
		file.Close()
	}
}

func check(path string, err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, path, err)
		os.Exit(1)
	}
}
