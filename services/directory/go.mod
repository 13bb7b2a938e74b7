module github.com/thueringencert/leitstelle/services/directory

go 1.26.0

require github.com/thueringencert/leitstelle/shared v0.0.0

require github.com/google/go-cmp v0.7.0 // indirect

replace github.com/thueringencert/leitstelle/shared => ../../shared
