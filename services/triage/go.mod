module github.com/thueringencert/leitstelle/services/triage

go 1.26.0

require github.com/thueringencert/leitstelle/shared v0.0.0

replace github.com/thueringencert/leitstelle/shared => ../../shared
