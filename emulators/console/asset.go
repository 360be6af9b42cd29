package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"mime"
	"net/http"
	"path"
)

//go:embed asset
var assetFiles embed.FS

// asset is a file that pages load.
type asset struct {
	content        []byte
	mediaType, tag string
}

// readAssets returns the files that pages load by name.
func readAssets() (map[string]asset, error) {
	entries, err := assetFiles.ReadDir("asset")
	if err != nil {
		return nil, err
	}
	assets := map[string]asset{}
	for _, entry := range entries {
		content, err := assetFiles.ReadFile("asset/" + entry.Name())
		if err != nil {
			return nil, err
		}
		hash := sha256.Sum256(content)
		assets[entry.Name()] = asset{
			content: content, mediaType: mime.TypeByExtension(path.Ext(entry.Name())), tag: hex.EncodeToString(hash[:6]),
		}
	}
	return assets, nil
}

// serveAsset returns the handler of a file. Its URL changes with its content, so caches may
// store it.
func (c *Console) serveAsset(name string) http.Handler {
	file := c.assets[name]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", file.mediaType)
		if r.URL.Query().Get("v") == file.tag {
			w.Header().Set("Cache-Control", "max-age=31536000, immutable")
		}
		c.writeCompressed(w, r, file.content)
	})
}
