// An OAuth 2 server for tests, beside oauth.sh: oauth.mjs MODULES PORT. What oauth2-mock-server leaves out is here: tokens run
// out, refresh tokens work once and can be revoked, and somebody may ask whose a token is.
//   A client id that ends in a number gets tokens that live for so many seconds, else for an hour.
//   POST /revoke makes all refresh tokens of before worthless.
//   GET /introspect with an access token as the bearer says whether it still holds, as Dovecot asks.
import { createServer } from "node:http"

const [modules, port] = process.argv.slice(2)
const { OAuth2Issuer, OAuth2Service } = await import(`${modules}/oauth2-mock-server/dist/index.mjs`)
const issuer = new OAuth2Issuer()
const service = new OAuth2Service(issuer)
issuer.url = `http://127.0.0.1:${port}`
const refreshes = new Set()
const ends = new Map()

const clientOf = (req) => {
  const basic = /^Basic (.+)$/.exec(req.headers.authorization ?? "")
  return basic ? atob(basic[1]).split(":")[0] : (req.body.client_id ?? "")
}

await issuer.keys.generate("RS256")
// Two tokens of one second would be equal without it.
service.on("beforeTokenSigning", (token) => (token.payload.jti = crypto.randomUUID()))
service.on("beforeResponse", (answer, req) => {
  if (answer.statusCode !== 200) return
  if (req.body.grant_type === "refresh_token" && !refreshes.delete(req.body.refresh_token)) {
    answer.statusCode = 400
    answer.body = { error: "invalid_grant", error_description: `unknown token ${req.body.refresh_token}` }
    return
  }
  const life = Number(/\d+$/.exec(clientOf(req))?.[0] ?? 3600)
  answer.body.expires_in = life
  refreshes.add(answer.body.refresh_token)
  ends.set(answer.body.access_token, Date.now() + life * 1000)
  console.log(`${req.body.grant_type}: lives ${life} s`)
})
service.on("beforeRevoke", () => refreshes.clear())

const introspect = (req, res) => {
  const token = (req.headers.authorization ?? "").replace(/^Bearer /, "")
  const holds = (ends.get(token) ?? 0) > Date.now()
  console.log(`introspect: ${holds}`)
  res.setHeader("content-type", "application/json")
  res.end(JSON.stringify(holds ? { active: true, username: "test" } : { active: false }))
}
createServer((req, res) => (req.url.startsWith("/introspect") ? introspect : service.requestHandler)(req, res)).listen(
  Number(port),
  "127.0.0.1",
)
