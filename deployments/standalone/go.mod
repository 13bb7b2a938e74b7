module github.com/thueringencert/leitstelle/deployments/standalone

go 1.26.0

require github.com/thueringencert/leitstelle/shared v0.0.0

replace github.com/thueringencert/leitstelle/shared => ../../shared

require (
	github.com/thueringencert/leitstelle/services/directory v0.0.0
	github.com/thueringencert/leitstelle/services/intake v0.0.0
	github.com/thueringencert/leitstelle/services/notification v0.0.0
	github.com/thueringencert/leitstelle/services/triage v0.0.0
)

replace (
	github.com/thueringencert/leitstelle/services/directory => ../../services/directory
	github.com/thueringencert/leitstelle/services/intake => ../../services/intake
	github.com/thueringencert/leitstelle/services/notification => ../../services/notification
	github.com/thueringencert/leitstelle/services/triage => ../../services/triage
)
