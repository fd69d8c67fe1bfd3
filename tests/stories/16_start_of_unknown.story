# What the counter of `unknown` starts with: full where the server may carry flows, else rise-1.

check web interval=2s fast-interval=500ms rise=2 fall=3
backend b1 10.0.0.1 check=web
backend b2 10.0.0.2 check=web
backend b3 10.0.0.3 check=web
frontend www 192.0.2.1 primary: b1=100 b2=100 fallback: b3=100

# Nobody has read VPP yet, so every server may carry flows. One lost probe proves nothing.
vpp www b1=100 b2=0
start unread
         expect b1 unknown h=4/4
         expect b2 unknown h=4/4
         expect b3 unknown h=4/4
t=0.1s   probe b1 L4TOUT b2 late b3 L4TOUT
         expect b1 unknown h=3/4
         expect told nothing

# The first full read shows b1 with weight: it keeps its counter. b2 has weight 0 and b3 is not there: one probe
# decides. The probe of b3 has failed already, so that b3 is down.
t=0.2s   read
         expect told b3 unknown -> down L4TOUT www 0->0
         expect b1 unknown h=3/4
         expect b2 unknown h=1/4
         expect b3 down h=0/4
         expect www up pool=primary b1=100 b2=0
t=0.3s   probe b1 L4TOUT
         expect b1 unknown h=2/4
         probe b1 L4OK
         expect told b1 unknown -> up L4OK www 100->100
         expect b1 up h=4/4

# An edited check sets the same start value again.
check web interval=2s fast-interval=500ms rise=3 fall=4
t=1s     reload
         expect b2 unknown h=2/6

# `fall` failures before the read are a verdict.
check web interval=2s fast-interval=500ms rise=2 fall=3
restart unread
         probe b1 L4TOUT
         probe b1 L4TOUT
         probe b1 L4CON
         expect told b1 unknown -> down L4CON www 0->0
         read
         expect late www b1
         expect b1 down effects=www:100->0:flush

# A reload brings a server that carried when VPP was first read, on a VIP that was not configured then.
vpp other 10.0.0.4=100
restart
backend b4 10.0.0.4 check=web
backend b5 10.0.0.5 check=web
         reload
         expect b4 unknown h=4/4
         expect b5 unknown h=1/4

# A resumed server has kept its flows; an enabled one was flushed.
t=1s     operator pause b1
         expect told b1 unknown -> paused paused by alice www 100->0
         operator resume b1
         expect told b1 paused -> unknown resumed by alice www 0->0
         expect b1 unknown h=4/4
         operator disable b1
         expect told b1 unknown -> disabled disabled by alice www 0->0 flush
         operator enable b1
         expect told b1 disabled -> unknown enabled by alice www 0->0
         expect b1 unknown h=1/4

# With VPP switched off nobody will ever tell.
restart off
         expect b1 unknown h=1/4
         probe b1 L4TOUT
         expect told b1 unknown -> down L4TOUT www 0->0
