# The rules that tflint brings along: those for Google's resources are a plugin.
plugin "terraform" {
  enabled = true
  preset  = "all"
}

# Files are by purpose: main.tf would say nothing. bootstrap is one file on purpose.
rule "terraform_standard_module_structure" {
  enabled = false
}
