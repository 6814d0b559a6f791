/** The answer of the token endpoint, with the member names of Iceberg's `OAuthTokenResponse`. */
export interface TokenResponse {
  readonly access_token: string;
  /** Lower case: the Polaris SDK refuses anything else. */
  readonly token_type: "bearer";
  /** Always: without it Java never refreshes again. */
  readonly expires_in: number;
  /** Always: without it Java dies at the second refresh. */
  readonly issued_token_type: string;
  readonly refresh_token?: string | undefined;
  /** Undefined rather than empty: Java throws on `""`. */
  readonly scope?: string | undefined;
}
