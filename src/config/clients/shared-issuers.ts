/** Issuers whose tokens anybody can have who has an account there. What tells one party from another is a claim. */

/** By issuer: the claims that name the owner. One of them must be among a rule's conditions. */
export const OWNER_CLAIMS: ReadonlyMap<string, readonly string[]> = new Map([
  ["https://token.actions.githubusercontent.com", ["repository_owner_id", "repository_owner", "enterprise_id"]],
  ["https://gitlab.com", ["namespace_id", "namespace_path"]],
  ["https://agent.buildkite.com", ["organization_id", "organization_slug"]],
  ["https://accounts.google.com", ["google", "hd", "email"]],
  ["https://app.terraform.io", ["terraform_organization_id", "terraform_organization_name"]],
]);
