package cost

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// Settings are the variables of terraform/ that decide what there is to pay for, by
// the names that they have there.
type Settings struct {
	Environment     string             `json:"environment"`
	Profile         string             `json:"profile"`
	Region          string             `json:"region"`
	Granularity     string             `json:"granularity"`
	Scaling         map[string]Scaling `json:"scaling"`
	Database        Database           `json:"database"`
	KeyRotationDays float64            `json:"key_rotation_days"`
	ExpectedWithin  float64            `json:"orders_expected_within"`
	// Subnet is the range of the private addresses of instances.
	Subnet string `json:"subnet"`
	// Exports is whether the databases are exported daily.
	Exports *bool `json:"database_exports"`
	// Payments are nil for a shop that never had payments.
	Payments *Payments `json:"payments"`
}

// Payments is how orders are paid.
type Payments struct {
	// Enabled reports whether new orders must be paid.
	Enabled bool `json:"enabled"`
}

// paid reports whether new orders must be paid.
func (s Settings) paid() bool { return s.Payments != nil && s.Payments.Enabled }

// Scaling is how a Cloud Run service scales. What is not given is that of functions.yaml.
type Scaling struct {
	Min    *float64 `json:"min_instances"`
	Max    *float64 `json:"max_instances"`
	Pool   *float64 `json:"pool"`
	CPU    *string  `json:"cpu"`
	Memory *string  `json:"memory"`
}

// Database is the Cloud SQL instances.
type Database struct {
	Tier     string  `json:"tier"`
	Edition  string  `json:"edition"`
	Regional bool    `json:"regional"`
	DiskGB   float64 `json:"disk_gb"`
	Backups  float64 `json:"backups"`
	Replica  bool    `json:"replica"`
	// MaxConnections are those of one instance.
	MaxConnections float64 `json:"max_connections"`
	// OwnInstance are the services that have an instance of their own.
	OwnInstance []string `json:"own_instance"`
}

// Tiny is the profile without a load balancer.
const Tiny = "tiny"

// profile is what terraform/profile.tf gives where a variable has no value.
type profile struct {
	granularity, tier  string
	maxConnections     float64
	maxInstances, pool *float64
	exports            bool
}

func profiles() map[string]profile {
	two, three := 2.0, 3.0
	return map[string]profile{
		"standard": {granularity: "function", tier: "db-g1-small", maxConnections: 800, exports: true},
		Tiny:       {granularity: "service", tier: "db-f1-micro", maxConnections: 100, maxInstances: &two, pool: &three},
	}
}

// withProfile fills in what the profile gives.
func (s Settings) withProfile() (Settings, error) {
	p, known := profiles()[s.Profile]
	if !known {
		return s, fmt.Errorf("variable profile is %q: expected standard or tiny", s.Profile)
	}
	s.Granularity = cmp.Or(s.Granularity, p.granularity)
	s.Database.Tier = cmp.Or(s.Database.Tier, p.tier)
	s.Database.MaxConnections = cmp.Or(s.Database.MaxConnections, p.maxConnections)
	if s.Exports == nil {
		s.Exports = &p.exports
	}
	if p.maxInstances != nil {
		scaling := maps.Clone(s.Scaling)
		if scaling == nil {
			scaling = map[string]Scaling{}
		}
		standard := scaling["default"]
		standard.Max, standard.Pool = cmp.Or(standard.Max, p.maxInstances), cmp.Or(standard.Pool, p.pool)
		scaling["default"] = standard
		s.Scaling = scaling
	}
	return s, nil
}

// ReadSettings reads the variables and their defaults from the files of a folder,
// terraform/, and their values from a tfvars file. Without one all have their
// defaults, and the environment is dev. Terraform itself is not needed.
func ReadSettings(dir, tfvars string) (Settings, error) {
	var s Settings
	parser := hclparse.NewParser()
	values, err := readValues(parser, tfvars)
	if err != nil {
		return s, err
	}
	variables, err := readFile(parser, filepath.Join(dir, "variables.tf"), "variable")
	if err != nil {
		return s, err
	}
	for name := range values {
		if variables[name] == nil {
			return s, fmt.Errorf("%s sets %s, which is no variable of %s", tfvars, name, dir)
		}
	}
	settings := map[string]cty.Value{}
	for name := range wanted {
		if variables[name] == nil {
			return s, fmt.Errorf("%s has no variable %s", dir, name)
		}
		if settings[name], err = value(variables[name], values[name]); err != nil {
			return s, fmt.Errorf("variable %s: %w", name, err)
		}
	}
	text, err := ctyjson.Marshal(cty.ObjectVal(settings), cty.DynamicPseudoType)
	if err != nil {
		return s, fmt.Errorf("read the variables: %w", err)
	}
	var typed struct{ Value json.RawMessage }
	if err := json.Unmarshal(text, &typed); err != nil {
		return s, fmt.Errorf("read the variables: %w", err)
	}
	if err := json.Unmarshal(typed.Value, &s); err != nil {
		return s, fmt.Errorf("read the variables: %w", err)
	}
	return s.withProfile()
}

// wanted are the variables that Settings has, and what stands in for a default where
// there is none.
var wanted = map[string]string{
	"environment": "dev", "profile": "", "region": "", "granularity": "", "scaling": "", "database": "",
	"key_rotation_days": "", "orders_expected_within": "", "subnet": "", "database_exports": "", "payments": "",
}

// readValues returns the values of a tfvars file, none for "".
func readValues(parser *hclparse.Parser, path string) (map[string]*hcl.Attribute, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the values of the variables: %w", err)
	}
	// Its name may be env/prod.tfvars.example.
	file, diagnostics := parser.ParseHCL(text, path)
	if diagnostics.HasErrors() {
		return nil, fmt.Errorf("read the values of the variables: %w", diagnostics)
	}
	values, diagnostics := file.Body.JustAttributes()
	if diagnostics.HasErrors() {
		return nil, fmt.Errorf("read the values of the variables: %w", diagnostics)
	}
	return values, nil
}

// readFile returns the attributes of a file's blocks of one kind, by the block's
// label.
func readFile(parser *hclparse.Parser, path, kind string) (map[string]hcl.Attributes, error) {
	file, diagnostics := parser.ParseHCLFile(path)
	if diagnostics.HasErrors() {
		return nil, fmt.Errorf("read terraform's files (in the repository's folder, or with --terraform): %w", diagnostics)
	}
	schema := &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: kind, LabelNames: []string{"name"}}}}
	content, _, diagnostics := file.Body.PartialContent(schema)
	if diagnostics.HasErrors() {
		return nil, fmt.Errorf("read %s: %w", path, diagnostics)
	}
	blocks := map[string]hcl.Attributes{}
	for _, block := range content.Blocks {
		// A variable's validation blocks are no attributes: that is not an error.
		attributes, _ := block.Body.JustAttributes()
		blocks[block.Labels[0]] = attributes
	}
	return blocks, nil
}

// value is what a variable is, with the value that it was given, if any: as Terraform
// has it, with the defaults of optional attributes.
func value(variable hcl.Attributes, given *hcl.Attribute) (cty.Value, error) {
	kind, defaults, diagnostics := typeexpr.TypeConstraintWithDefaults(variable["type"].Expr)
	if diagnostics.HasErrors() {
		return cty.NilVal, diagnostics
	}
	var v cty.Value
	switch {
	case given != nil:
		v, diagnostics = given.Expr.Value(nil)
	case variable["default"] != nil:
		v, diagnostics = variable["default"].Expr.Value(nil)
	default:
		v = cty.StringVal(wanted["environment"])
	}
	if diagnostics.HasErrors() {
		return cty.NilVal, diagnostics
	}
	if defaults != nil && !v.IsNull() {
		v = defaults.Apply(v)
	}
	return convert.Convert(v, kind)
}
